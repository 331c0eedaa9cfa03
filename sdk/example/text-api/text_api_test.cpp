#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;

TEST(TextApi, MakesAChatAndWritesTheTextOfTheResponse) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create(R"({"model": "m"})");
  h.next = events({"step-start", "text:Hel", "reasoning:hm", "text:lo", "step-finish:stop"});
  const Answer a = h.post(*plugin, "/text-api", "Hi!");
  EXPECT_EQ(a.body, "Hello");
  EXPECT_EQ(h.chats.at(0), R"({"model":"m","messages":[{"role":"user",)"
                           R"("content":[{"type":"text","text":"Hi!"}]}]})");
}

TEST(TextApi, KeepsTheStatusOfAFailureBeforeTheFirstText) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = fails({503, "overloaded", "Try again.", {}});
  EXPECT_EQ(h.post(*plugin, "/text-api", "Hi!").status, 503);
}

TEST(TextApi, RequiresAText) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  EXPECT_EQ(h.post(*plugin, "/text-api", "").failure.code, "text_missing");
}

TEST(TextApi, PassesOtherRequestsOn) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = answer("something else");
  EXPECT_EQ(h.get(*plugin, "/other").body, "something else");
}

}  // namespace
