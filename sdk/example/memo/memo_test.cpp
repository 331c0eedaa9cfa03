#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;

Request question(const char* user) {
  Request r("POST", "/api/chat");
  r.chat = R"({"model": "m", "messages": []})";
  r.caller.user = user;
  return r;
}

TEST(Memo, RepeatsAResponseUntilItsTimeIsUp) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create(R"({"ttl": "10s"})");
  h.next = events({"step-start", "text:Hi", "step-finish:stop"});
  (void)h.run(*plugin, question("ada"));
  EXPECT_EQ(h.run(*plugin, question("ada")).events,
            (Events{"step-start", "text:Hi", "step-finish:stop"}));
  EXPECT_EQ(h.next_calls, 1);
  h.advance(11s);
  (void)h.run(*plugin, question("ada"));
  EXPECT_EQ(h.next_calls, 2);
}

TEST(Memo, SharesNothingBetweenCallers) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = answer("Hi");
  (void)h.run(*plugin, question("ada"));
  (void)h.run(*plugin, question("bob"));
  EXPECT_EQ(h.next_calls, 2);
}

TEST(Memo, KeepsNoFailure) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = in_turn({fails({503, "overloaded", "Try again.", {}}), answer("Hi")});
  (void)h.run(*plugin, question("ada"));
  EXPECT_EQ(h.run(*plugin, question("ada")).text, "Hi");
}

}  // namespace
