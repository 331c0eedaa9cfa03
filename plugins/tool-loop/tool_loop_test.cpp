#include "tool_loop.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using namespace testing;

constexpr View kChat = R"({"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "Go"}]}], "tools": [{"name": "known"}]})";

/// A gateway whose model answers its n-th call with the n-th of these.
struct Gateway {
  explicit Gateway(std::vector<NextFunction> model, View config = "{}") : loop(h.host(), h.config(config)) { h.next = in_turn(std::move(model)); }
  Harness h;
  ToolLoop loop;
};

TEST(ToolLoop, PassesOnAnAnswerWithoutCalls) {
  const Events said = {"step-start", "reasoning:Hm", "text:Hi", "usage:{\"total_tokens\":3}", "step-finish:stop"};
  Gateway g({events(said)});

  EXPECT_EQ(g.h.ask(g.loop, kChat).events, said);
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(ToolLoop, LeavesCallsOfOfferedToolsToTheClient) {
  const Events said = {"step-start", "tool-call:c1:known:{\"a\":1}", "step-finish:tool-calls"};
  Gateway g({events(said)});

  EXPECT_EQ(g.h.ask(g.loop, kChat).events, said);
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(ToolLoop, RefusesCallsOfOtherToolsAndAsksAgain) {
  Gateway g({events({"step-start", "text:One ", "text:moment", "tool-call:c1:other:{\"a\":1}", "step-finish:tool-calls"}), answer("Sorry")});

  EXPECT_EQ(g.h.ask(g.loop, kChat).events,
            (Events{"step-start", "text:One ", "text:moment", "tool-call-error:c1:other:the model called a tool that was not offered:{\"a\":1}",
                    "tool-output-error:c1:there is no tool of that name", "step-finish:tool-calls", "step-start", "text:Sorry", "step-finish:stop"}));
  const auto messages = g.h.config(g.h.chats.at(1))["messages"];
  EXPECT_EQ(messages.at(1).dump(), R"({"role":"assistant","content":[{"type":"text","text":"One moment"},{"type":"tool-call","id":"c1","name":"other","input":{"a":1}}]})");
  EXPECT_EQ(messages.at(2)["role"].str(), "tool");
  EXPECT_EQ(messages.at(2)["content"].at(0)["id"].str(), "c1");
}

TEST(ToolLoop, StopsWhenTheClientHasACallToAnswerToo) {
  Gateway g({events({"step-start", "tool-call:c1:other:{}", "tool-call:c2:known:{}", "step-finish:tool-calls"})});

  const Events seen = g.h.ask(g.loop, kChat).events;
  EXPECT_EQ(seen.back(), "step-finish:tool-calls");
  EXPECT_EQ(seen.at(seen.size() - 2), "tool-output-error:c1:there is no tool of that name");
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(ToolLoop, DoesNotGoOnAfterAnAnswerThatWasCutShort) {
  Gateway g({events({"step-start", "tool-call:c1:other:{}", "step-finish:length"})});

  g.h.ask(g.loop, kChat);
  EXPECT_EQ(g.h.next_calls, 1);
}

TEST(ToolLoop, EndsAtTheLimitOfSteps) {
  Gateway g({events({"step-start", "tool-call:c1:other:{}", "step-finish:tool-calls"})}, R"({"max_steps": 3})");

  EXPECT_EQ(g.h.ask(g.loop, kChat).code, GH_OK);
  EXPECT_EQ(g.h.next_calls, 3);
}

TEST(ToolLoop, PassesOnAFailureOfALaterStep) {
  Gateway g({events({"step-start", "tool-call:c1:other:{}", "step-finish:tool-calls"}), fails({502, "upstream_error", "No.", {}})});

  EXPECT_EQ(g.h.ask(g.loop, kChat).failure.code, "upstream_error");
}

TEST(ToolLoop, ReturnsSignedPartsAsTheyCame) {
  Gateway g({events({"step-start", "reasoning:Hm @{\"google\":{\"thoughtSignature\":\"s\"}}", "tool-call:c1:other:{} @{\"google\":{\"thoughtSignature\":\"t\"}}",
                     "step-finish:tool-calls"}),
             answer("Sorry")});

  g.h.ask(g.loop, kChat);
  const auto content = g.h.config(g.h.chats.at(1))["messages"].at(1)["content"];
  EXPECT_EQ(content.at(0)["metadata"].dump(), R"({"google":{"thoughtSignature":"s"}})");
  EXPECT_EQ(content.at(1)["metadata"].dump(), R"({"google":{"thoughtSignature":"t"}})");
}

TEST(ToolLoop, MindsNoCallThatTheProviderRanItself) {
  const Events said = {"step-start", "tool-call+provider-executed:c1:code_execution:{}", "text:4", "step-finish:stop"};
  Gateway g({events(said)});

  EXPECT_EQ(g.h.ask(g.loop, kChat).events, said);
  EXPECT_EQ(g.h.next_calls, 1);
}

}  // namespace
}  // namespace gatehouse
