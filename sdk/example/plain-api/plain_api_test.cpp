#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;

TEST(PlainApi, MakesAChatAndWritesTheTextOfTheResponse) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = events({"step-start", "text:Hel", "text:lo", "step-finish:stop"});
  EXPECT_EQ(h.post(*plugin, "/plain-api", "Hi!").body, "Hello");
  EXPECT_EQ(h.chats.at(0), R"({"messages":[{"content":[{"type":"text","text":"Hi!"}],)"
                           R"("role":"user"}],"model":"default"})");
}

TEST(PlainApi, KeepsTheStatusOfAFailureBeforeTheFirstText) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = fails({503, "overloaded", "Try again.", {}});
  EXPECT_EQ(h.post(*plugin, "/plain-api", "Hi!").status, 503);
}

TEST(PlainApi, PassesOtherRequestsOn) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = answer("something else");
  EXPECT_EQ(h.get(*plugin, "/other").body, "something else");
}

}  // namespace
