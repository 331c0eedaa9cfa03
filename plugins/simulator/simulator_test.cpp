#include "simulator.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::simulator {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Events;
using testing::Harness;
using testing::Request;

struct SimulatorTest : ::testing::Test {
  Harness h;
  Simulator simulator{h.host(), h.config(R"({"word_delay": "0ms"})")};
};

std::string user(View text, View tools = "[]") {
  return std::string(R"({"messages": [{"role": "user", "content": [{"type": "text", "text": ")")
      .append(text)
      .append(R"("}]}], "tools": )")
      .append(tools)
      .append("}");
}

TEST_F(SimulatorTest, WarnsTheOperatorThatThereIsNoModel) {
  const std::string notice =
      "responses come from the simulator, not from a model: configure a provider in its place, or "
      "set `intended: true`";
  EXPECT_EQ(h.warnings, Events{": " + notice});
  EXPECT_EQ(h.health, "degraded: " + notice);
}

TEST(Simulator, IsSilentWhereItIsIntended) {
  Harness h;
  Simulator simulator(h.host(), h.config(R"({"intended": true})"));
  EXPECT_EQ(h.warnings, Events());
  EXPECT_EQ(h.health, Harness().health);
}

TEST_F(SimulatorTest, CountsItsResponses) {
  h.ask(simulator, user("Hi"));
  h.ask(simulator, user("Hi again"));
  EXPECT_EQ(h.metrics.at(R"(gatehouse_simulated_answers_total{plugin="test"})"), 2);
}

TEST_F(SimulatorTest, RepeatsTheQuestion) {
  const Answer answer = h.ask(simulator, user("What is a gateway?"));
  EXPECT_EQ(answer.text,
            "I am the simulator, a model without a network. You said: What is a gateway?\n\n"
            "I can only repeat what I hear and call the tools you name. For a real model configure "
            "a provider in my place.");
  EXPECT_EQ(answer.events.front(), "step-start");
  EXPECT_EQ(answer.events.at(2), "text: am");
  EXPECT_TRUE(h.sleeps.empty());
  EXPECT_EQ(Events(answer.events.end() - 2, answer.events.end()),
            (Events{R"(usage:{"input_tokens":4,"output_tokens":38,"total_tokens":42})",
                    "step-finish:stop"}));
}

TEST_F(SimulatorTest, RepeatsTheLastMessageOfTheUser) {
  const Answer answer = h.ask(
      simulator, R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "first"}]},
                                                          {"role": "assistant",
                                                            "content": [{"type": "text",
                                                              "text": "second"}]},
                                                          {"role": "user",
                                                            "content": [{"type": "text",
                                                              "text": "third"}]}]})");
  EXPECT_NE(answer.text.find("You said: third\n"), std::string::npos);
}

TEST_F(SimulatorTest, RepeatsOnlyTheBeginningOfALongText) {
  std::string text = "x";
  for (int i = 0; i < 1000; ++i) text += "ü";
  const std::string answer = h.ask(simulator, user(text)).text;
  EXPECT_NE(answer.find("üü…\n"), std::string::npos);
  EXPECT_LT(answer.size(), 700u);
}

TEST(Simulator, WaitsBetweenWords) {
  Harness h;
  Simulator simulator(h.host(), h.config(R"({"word_delay": "5ms"})"));
  const Answer answer = h.ask(simulator, user("Hi"));
  EXPECT_EQ(h.sleeps.size(),
            answer.events.size() - 3);  // all but step-start, usage and step-finish are words
  EXPECT_EQ(h.sleeps.front(), 5ms);
}

TEST(Simulator, RepeatsItsResponseAsOftenAsConfigured) {
  Harness h;
  Simulator once(h.host(), h.config(R"({"word_delay": "0ms"})"));
  Simulator thrice(h.host(), h.config(R"({"word_delay": "0ms", "repeat": 3})"));
  const std::string text = h.ask(once, user("Hi")).text;
  EXPECT_EQ(h.ask(thrice, user("Hi")).text, text + "\n\n" + text + "\n\n" + text);
}

TEST_F(SimulatorTest, StopsWhenTheClientLeaves) {
  Request request("POST", "/api/chat");
  request.chat = user("Hi");
  request.leaves_after = 3;
  const Answer answer = h.run(simulator, request);
  EXPECT_EQ(answer.code, GH_STOP);
  EXPECT_EQ(answer.events.size(), 3u);
}

TEST_F(SimulatorTest, CallsTheToolThatTheQuestionNames) {
  const char* tools =
      R"([{"name": "click"}, {"name": "search", "input_schema": {
    "type": "object",
    "required": ["query", "limit", "deep", "tags", "options", "sort"],
    "properties": {"query": {"type": "string"}, "limit": {"type": ["integer", "null"]},
      "deep": {"type": "boolean"},
                   "tags": {"type": "array"}, "options": {"type": "object"},
                     "sort": {"type": "string", "enum": ["date", "rank"]},
                   "optional": {"type": "string"}}}}])";
  const std::string input =
      R"({"query":"red shoes","limit":1,"deep":true,"tags":[],"options":{},"sort":"date"})";
  EXPECT_EQ(h.ask(simulator, user("Please search: red shoes", tools)).events,
            (Events{"step-start", "tool-input-start:call-1:search",
                    "tool-input-delta:call-1:" + input, "tool-call:call-1:search:" + input,
                    R"(usage:{"input_tokens":4,"output_tokens":1,"total_tokens":5})",
                    "step-finish:tool-calls"}));
}

TEST_F(SimulatorTest, FillsInNoMoreThanAHundredArguments) {
  std::string required = "[";
  for (int i = 0; i < 3000; ++i) required += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\"";
  const std::string tools =
      R"([{"name": "click", "input_schema": {"required": )" + required + "]}}]";
  const std::string call = h.ask(simulator, user("click", tools)).events.at(3);
  EXPECT_EQ(std::count(call.begin(), call.end(), ','), 99);
}

TEST_F(SimulatorTest, CallsAToolWithoutArguments) {
  EXPECT_EQ(h.ask(simulator, user("click", R"([{"name": "click"}])")).events.at(3),
            "tool-call:call-1:click:{}");
}

TEST_F(SimulatorTest, NeedsTheWholeNameOfATool) {
  for (const char* text : {"clicking", "double-click", "my_click", "Click", "two  blanks"}) {
    EXPECT_EQ(h.ask(simulator, user(text, R"([{"name": "click"}, {"name": ""}])")).events.back(),
              "step-finish:stop")
        << text;
  }
}

TEST_F(SimulatorTest, ReportsWhatAToolReturned) {
  const auto told = [this](const std::string& result) {
    return h
        .ask(simulator, R"({"tools": [{"name": "search"}], "messages": [
              {"role": "user", "content": [{"type": "text", "text": "search"}]},
              {"role": "assistant", "content": [{"type": "tool-call", "id": "call-1",
                "name": "search", "input": {}}]},
              {"role": "tool", "content": [{"type": "tool-result", "id": "call-1",
                "name": "search", )" +
                            result + "}]}]}")
        .text;
  };
  const std::string start = "I am the simulator, a model without a network. The tool search ",
                    end = " That is all I can say about it.";
  EXPECT_EQ(told(R"("output": {"hits": 3})"), start + R"(returned: {"hits":3})" + end);
  EXPECT_EQ(told(R"("content": [{"type": "text", "text": "three"}])"),
            start + R"(returned: [{"type":"text","text":"three"}])" + end);
  EXPECT_EQ(told(R"("error": true, "output": "no such page")"),
            start + "failed: no such page" + end);
}

TEST_F(SimulatorTest, RespondsToAnEmptyChat) {
  EXPECT_EQ(h.ask(simulator, "{}").events.back(), "step-finish:stop");
}

TEST_F(SimulatorTest, HonoursTheToolChoice) {
  const auto events = [this](const std::string& choice) {
    std::string chat = user("click", R"([{"name": "click"}, {"name": "read"}])");
    chat.pop_back();
    return h.ask(simulator, chat + R"(, "tool_choice": )" + choice + "}").events;
  };
  EXPECT_EQ(events(R"({"mode": "auto"})").at(3), "tool-call:call-1:click:{}");
  EXPECT_EQ(events(R"({"mode": "none"})").back(), "step-finish:stop");
  EXPECT_EQ(events(R"({"mode": "auto", "names": ["read"]})").back(), "step-finish:stop");
  EXPECT_EQ(events(R"({"mode": "required", "names": ["read"]})").at(3), "tool-call:call-1:read:{}");
}

TEST_F(SimulatorTest, RejectsAChatThatRequiresACallOfNoTool) {
  std::string chat = user("Hi");
  chat.pop_back();
  chat.append(R"(, "tool_choice": {"mode": "required"})");
  EXPECT_EQ(h.ask(simulator, chat + "}").events.at(0),
            "warning:tool_choice:`tool_choice` is not honoured: there is no tool to call.");
  EXPECT_EQ(h.ask(simulator, chat + R"(, "must": ["tool_choice"]})").failure.code,
            "unsupported_parameter");
}

TEST_F(SimulatorTest, WarnsOfWhatItDoesNotHonour) {
  const std::string chat = R"({"temperature": 1, "reasoning": {"effort": "high"}, "stop": ["a"],
      "max_output_tokens": 40, "messages": [{"role": "user", "content": [
        {"type": "file", "media_type": "image/png", "data": "AA=="}]}])";
  const std::string stop = "`stop` is not honoured: it is unknown to this provider.";
  const Events events = h.ask(simulator, chat + "}").events;
  EXPECT_EQ(
      Events(events.begin(), events.begin() + 3),
      (Events{"warning:stop:" + stop,
              "warning:messages:`messages` is not honoured: messages[0].content[0] is a file, "
              "which the simulator does not read.",
              "step-start"}));
  const Answer strict = h.ask(simulator, chat + R"(, "must": ["stop"]})");
  EXPECT_EQ(strict.failure.code, "unsupported_parameter");
  EXPECT_EQ(strict.failure.message, stop);
  EXPECT_TRUE(strict.events.empty());
}

TEST_F(SimulatorTest, WarnsOfATokenLimitThatItExceeds) {
  std::string chat = user("Hi");
  chat.pop_back();
  EXPECT_EQ(h.ask(simulator, chat + R"(, "max_output_tokens": 5})").events.at(0),
            "warning:max_output_tokens:`max_output_tokens` is not honoured: the response has 35 "
            "words.");
}

TEST_F(SimulatorTest, RejectsPartsThatItDoesNotKnow) {
  const Answer answer = h.ask(simulator, R"({"messages": [
      {"role": "user", "content": [{"type": "hologram"}]}]})");
  EXPECT_EQ(answer.failure.code, "unsupported");
  EXPECT_EQ(answer.failure.http_status, 400);
  EXPECT_EQ(h.ask(simulator, R"({"system": [{"type": "image"}], "messages": []})").failure.message,
            "system[0] is not supported: it is not a text");
}

}  // namespace
}  // namespace gatehouse::plugins::simulator
