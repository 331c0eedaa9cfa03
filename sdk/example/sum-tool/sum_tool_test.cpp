#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse::testing;

constexpr char kChat[] = R"({"model": "m", "messages": []})";

TEST(SumTool, RunsTheCallAndCallsTheModelAgain) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next =
      in_turn({events({"step-start", R"(tool-call:1:add:{"a":1,"b":2})", "step-finish:tool-calls"}),
               events({"step-start", "text:Three.", "step-finish:stop"})});
  EXPECT_EQ(
      h.ask(*plugin, kChat).events,
      (Events{"step-start", R"(tool-call+dynamic:1:add:{"a":1,"b":2})", "tool-output+dynamic:1:3",
              "step-finish:tool-calls", "step-start", "text:Three.", "step-finish:stop"}));
  EXPECT_NE(h.chats.at(1).find(R"("type":"tool-result","id":"1","name":"add","output":3)"),
            std::string::npos)
      << h.chats[1];
}

TEST(SumTool, LeavesOtherCallsToTheClient) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create();
  h.next = events({"step-start", "tool-call:1:other:{}", "step-finish:tool-calls"});
  EXPECT_EQ(h.ask(*plugin, kChat).events,
            (Events{"step-start", "tool-call:1:other:{}", "step-finish:tool-calls"}));
  EXPECT_EQ(h.next_calls, 1);
}

}  // namespace
