#include "chat.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"
#include "options.h"
#include "schema.h"

namespace gatehouse::plugins::chat {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Events;
using testing::Harness;
using testing::Request;

const std::string kStart =
    "data: "
    "{\"type\":\"start\",\"messageMetadata\":{\"createdAt\":1735689600000,\"model\":\"gemini-3.8-"
    "flash\"}}\n\n";
const std::string kError =
    "data: {\"type\":\"error\",\"errorText\":\"An error occurred during the "
    "conversation\"}\n\ndata: [DONE]\n\n";

Request question() {
  Request request("POST", "/api/chat");
  request.headers = {{"Content-Type", "application/json"}};
  request.body = R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]})";
  return request;
}

struct ChatTest : ::testing::Test {
  Harness h;
  Chat chat{h.host(), h.config("{}")};
};

TEST_F(ChatTest, RespondsWithAnEventStream) {
  h.next = testing::answer("Hello");
  const Answer answer = h.run(chat, question());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers, (testing::Headers{{"Content-Type", "text/event-stream"},
                                              {"Cache-Control", "no-cache"},
                                              {"X-Accel-Buffering", "no"},
                                              {"X-Vercel-AI-UI-Message-Stream", "v1"}}));
  EXPECT_EQ(answer.events.front(), "bytes:" + kStart);
  EXPECT_EQ(
      answer.events.back(),
      "bytes+last:data: "
      "{\"type\":\"finish\",\"finishReason\":\"stop\",\"messageMetadata\":{}}\n\ndata: [DONE]\n\n");
  EXPECT_EQ(answer.heartbeat, ": keep-alive\n\n");
  EXPECT_EQ(answer.heartbeat_interval, 15s);
}

TEST(ChatDescription, HasTheModelsAndOptionsThatTheSettingsAllow) {
  Harness h;
  const auto plugin = h.create(
      R"({"models": ["a", "b"], "default_model": "a", "model_options": ["top_p", "stop"]})");
  ASSERT_EQ(h.descriptions.size(), 1u);
  const Document description = testing::parse(h.descriptions[0]);
  const Json schemas = description.root()["components"]["schemas"];
  EXPECT_EQ(schemas["ChatModel"]["enum"].dump(), R"(["a","b"])");
  std::vector<std::string> members;
  for (const auto [name, schema] : schemas["ModelOptions"]["properties"].members())
    members.emplace_back(name);
  EXPECT_EQ(members, (std::vector<std::string>{"topP", "stop"}));
}

TEST_F(ChatTest, BeginsTheStreamWhenTheGatewayFirstWaits) {
  std::vector<bool> begun;
  h.next = [&](Exchange& x, Sink& out) -> Status {
    begun.push_back(x.committed());
    if (Status status = h.host().sleep(x, 1ms); !status) return status;
    begun.push_back(x.committed());
    return testing::emit(out, {"step-start", "step-finish:stop"});
  };
  EXPECT_EQ(h.run(chat, question()).events.front(), "bytes:" + kStart);
  EXPECT_EQ(begun, (std::vector{false, true}));
}

TEST_F(ChatTest, LetsAPluginBelowRefuseBeforeTheStreamBegins) {
  h.next = testing::fails({429, "budget_spent", "Try again tomorrow.", {}, 30s});
  const Answer answer = h.run(chat, question());
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.headers, (testing::Headers{{"Retry-After", "30"}}));
  EXPECT_EQ(answer.events, Events());
  EXPECT_EQ(answer.heartbeat, "");
}

TEST_F(ChatTest, BeginsNoStreamAfterARefusal) {
  struct Above final : Plugin {
    explicit Above(ChatTest& t) : test(t) {}
    Status handle(Exchange& x, Sink& out, Next& next) override {
      Status status = test.chat.handle(x, out, next);
      (void)test.h.host().sleep(x, 1s);
      return status;
    }
    ChatTest& test;
  } above{*this};
  h.next = testing::fails({429, "budget_spent", "Try again tomorrow.", {}});
  EXPECT_EQ(h.run(above, question()).events, Events());
}

TEST_F(ChatTest, FailsWhenAPluginBelowBreaksTheOrderOfEvents) {
  const std::pair<Events, const char*> cases[] = {
      {{"bytes:x"}, "bytes is not an event of a model"},
      {{"text:a"}, "text outside a step"},
      {{"step-finish:stop"}, "step-finish outside a step"},
      {{"step-start", "step-start"}, "step-start inside a step"},
      {{"step-start", "step-finish:stop", "reasoning:a"}, "reasoning outside a step"},
      {{"step-start", "tool-input-start:c1:a", "step-finish:stop"},
       "step-finish before the end of a tool call"},
      {{"step-start", "tool-input-delta:c1:{"}, "tool-input-delta before tool-input-start"},
      {{"step-start", "tool-input-start:c1:a", "tool-input-start:c1:a"},
       "tool-input-start twice for one call"},
      {{"step-start", "tool-call:c1:a:{}", "tool-call:c1:a:{}"},
       "tool-call after the call is complete"},
      {{"step-start", "tool-output:c1:1"}, "tool-output without its call"},
  };
  for (const auto& [events, detail] : cases) {
    h.next = testing::events(events);
    const Answer answer = h.run(chat, question());
    EXPECT_EQ(answer.failure.code, "plugin_error") << detail;
    EXPECT_EQ(answer.failure.detail, detail);
    EXPECT_EQ(answer.status, events.size() == 1 ? 500 : 200) << detail;
    EXPECT_EQ(answer.body.find(kError) != std::string::npos, events.size() > 1) << detail;
  }
}

TEST_F(ChatTest, FailsWhenAPluginBelowIgnoresThatItsEventFailed) {
  h.next = [](Exchange&, Sink& out) -> Status {
    (void)testing::emit(out, {"text:a"});
    (void)testing::emit(out, {"step-start", "step-finish:stop"});
    return {};
  };
  EXPECT_EQ(h.run(chat, question()).failure.detail, "text outside a step");
}

TEST_F(ChatTest, FailsWhenAResponseIsIncomplete) {
  for (const Events& events : {Events{}, Events{"step-start", "text:a"}}) {
    h.next = testing::events(events);
    EXPECT_EQ(h.run(chat, question()).failure.code, "incomplete_response");
  }
}

TEST_F(ChatTest, FailsOnAnEventThatItCannotRenderAndMust) {
  const auto emits = [](int kind, int flags) {
    return [=](Exchange&, Sink& out) -> Status {
      if (Status status = testing::emit(out, {"step-start"}); !status) return status;
      if (Status status = out.emit(event::make(kind, flags)); !status) return status;
      return testing::emit(out, {"step-finish:stop"});
    };
  };
  for (const int kind : {0x3000, static_cast<int>(GH_EV_CUSTOM)}) {
    h.next = emits(kind, GH_MUST);
    EXPECT_EQ(h.run(chat, question()).failure.code, "unsupported_event") << kind;
    h.next = emits(kind, 0);
    EXPECT_EQ(h.run(chat, question()).code, GH_OK) << kind;
  }
}

TEST_F(ChatTest, PassesOnTheResultOfACallThatTheUserHasApproved) {
  Request request = question();
  request.body = R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Pay"}]},
      {"role": "assistant", "parts": [
        {"type": "dynamic-tool", "toolName": "pay", "toolCallId": "c1", "input": {},
         "state": "approval-responded", "approval": {"id": "a1", "approved": true}}]}]})";
  h.next = testing::events({"tool-output+dynamic:c1:1", "step-start", "step-finish:stop"});
  EXPECT_EQ(h.run(chat, request).code, GH_OK);
}

TEST_F(ChatTest, NotesAndLogsWhatTheProviderDidNotHonour) {
  h.next =
      testing::events({"warning:seed:This model has no seed.", "step-start", "step-finish:stop"});
  const Document notes = testing::parse(h.run(chat, question()).notes);
  EXPECT_EQ(notes.root()["warnings"].dump(), R"(["seed"])");
  EXPECT_EQ(h.logs, (Events{R"(debug: a part of the request was not honoured )"
                            R"({"member":"seed","reason":"This model has no seed."})"}));
}

TEST_F(ChatTest, NotesThatTheClientWantsAnotherResponse) {
  h.next = testing::answer("Hello");
  Request again = question();
  again.body.insert(1, R"("trigger": "regenerate-message", )");
  EXPECT_EQ(Document::parse(h.run(chat, again).notes)->root()["regenerate"].boolean(), true);
  EXPECT_FALSE(Document::parse(h.run(chat, question()).notes)->root()["regenerate"]);
}

TEST(Chat, WritesTheSettingsOfTheOperator) {
  Harness h;
  h.next = testing::answer("Hello");
  Chat chat(h.host(),
            h.config(R"({"models": ["a", "b"], "default_model": "b", "system_prompt": "Be kind.",)"
                     R"( "temperature": 0, "max_output_tokens": 9})"));
  EXPECT_NE(h.run(chat, question()).body.find(R"("model":"b")"), std::string::npos);
  const Json asked = h.json(h.chats.at(0));
  EXPECT_EQ(asked["model"].str(), "b");
  EXPECT_EQ(asked["system"].dump(), R"([{"type":"text","text":"Be kind.","default":true}])");
  EXPECT_EQ(asked["temperature"].real(1), 0);
  EXPECT_EQ(asked["max_output_tokens"].integer(), 9);
}

TEST(Chat, LeavesTheModelToAPluginBelow) {
  Harness h;
  h.next = testing::answer("Hello");
  Chat chat(h.host(), h.config(R"({"models": ["*"], "default_model": ""})"));
  EXPECT_EQ(h.problems, Events{});
  (void)h.run(chat, question());
  EXPECT_EQ(h.json(h.chats.at(0))["model"].str("absent"), "");
  Request named = question();
  named.body.insert(1, R"("model": "any", )");
  (void)h.run(chat, named);
  EXPECT_EQ(h.json(h.chats.at(1))["model"].str(), "any");
  named.body.replace(named.body.find("any"), 3, "");
  EXPECT_EQ(h.run(chat, named).status, 400);
}

TEST(Chat, ShowsReasoningSourcesAndTheModelAsTheOperatorWants) {
  for (const bool shown : {true, false}) {
    Harness h;
    h.next =
        testing::events({"step-start", "reasoning:because", "source:s1:Title:https://s.example/",
                         R"(response:{"model":"other"})", "step-finish:stop"});
    Chat chat(h.host(), h.config(shown ? "{}"
                                       : R"({"send_reasoning": false, "send_sources": false,)"
                                         R"( "send_model_version": false})"));
    const std::string body = h.run(chat, question()).body;
    for (const char* text : {"because", "s.example", "modelVersion"})
      EXPECT_EQ(body.find(text) != std::string::npos, shown) << text;
    EXPECT_EQ(h.json(h.chats.at(0))["reasoning"]["visible"].boolean(), shown);
  }
}

TEST(Chat, LeavesOutWhatTheOperatorLeavesToTheModel) {
  Harness h;
  h.next = testing::answer("Hello");
  Chat chat(h.host(), h.config(R"({"system_prompt": ""})"));
  h.run(chat, question());
  EXPECT_EQ(
      h.chats.at(0),
      R"({"model":"gemini-3.8-flash","reasoning":{"visible":true},"messages":[{"role":"user",)"
      R"("content":[{"type":"text","text":"Hi"}]}]})");
}

TEST(Chat, LetsClientsChooseWhatTheOperatorAllows) {
  Harness h;
  h.next = testing::answer("Hello");
  Chat chat(h.host(),
            h.config(R"({"model_options": ["thinking", "temperature"], "temperature": 1})"));
  Request request = question();
  request.body.insert(1, R"("modelOptions": {"thinking": "low", "temperature": 0}, )");
  h.run(chat, request);
  const Json asked = h.json(h.chats.at(0));
  EXPECT_EQ(asked["reasoning"]["effort"].str(), "low");
  EXPECT_EQ(asked["temperature"].real(1), 0);

  request = question();
  request.body.insert(1, R"("modelOptions": {"topK": 3}, )");
  EXPECT_EQ(h.run(chat, request).failure.message,
            "modelOptions.topK is not allowed: the gateway's operator can add top_k to "
            "chat.model_options");
}

TEST(Chat, LetsTheOperatorAllowEachOptionThatThereIs) {
  const Document schema = testing::parse(GATEHOUSE_SCHEMA);
  std::string names;
  for (const Json name : schema.root()["properties"]["model_options"]["items"]["enum"])
    names.append(name.str()).append(" ");
  std::string known;
  for (const Option& option : options()) known.append(option.name).append(" ");
  EXPECT_EQ(names, known);
}

TEST_F(ChatTest, HasNoResponseToResume) {
  EXPECT_EQ(h.routes.at(1), "GET /api/chat/*/stream");
  const Answer answer = h.get(chat, "/api/chat/a%2Fb%20c/stream?x=1");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.body, "");
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ChatTest, NotesTheResponseForTheAccessLog) {
  h.next = testing::events(
      {"step-start", R"(response:{"model":"gemini-3.8-flash-002","id":"r1"})",
       R"(usage:{"input_tokens":3,"output_tokens":2,"total_tokens":5,"reasoning_tokens":1,)"
       R"("cached_input_tokens":2})",
       "step-finish:length"});
  EXPECT_EQ(
      h.run(chat, question()).notes,
      R"({"model":"gemini-3.8-flash","answered_by":"gemini-3.8-flash-002","response_id":"r1",)"
      R"("finish_reason":"length","input_tokens":3,"output_tokens":2,"total_tokens":5,)"
      R"("reasoning_tokens":1,"cached_input_tokens":2,"steps":1})");
}

TEST_F(ChatTest, NotesWhenTheModelBeganAndWhatItCalled) {
  h.next = [this](Exchange&, Sink& out) -> Status {
    h.advance(800ms);
    if (Status status = testing::emit(out, {"step-start", "text:"}); !status) return status;
    h.advance(50ms);
    if (Status status = testing::emit(out, {"tool-input-start:c1:search",
                                            R"(tool-call:c1:search:{})", "step-finish:tool-calls"});
        !status)
      return status;
    h.advance(50ms);
    return testing::emit(out, {"step-start", "text:Hello", "step-finish:stop"});
  };
  const Document notes = testing::parse(h.run(chat, question()).notes);
  EXPECT_EQ(notes.root()["ttft_ms"].real(), 850);
  EXPECT_EQ(notes.root()["steps"].integer(), 2);
  EXPECT_EQ(notes.root()["tool_calls"].integer(), 1);
}

TEST_F(ChatTest, EndsTheStreamWithAnErrorAndPassesTheFailureOn) {
  h.next = [](Exchange&, Sink& out) -> Status {
    if (Status status = testing::emit(out, {"step-start", "text:Half an"}); !status) return status;
    return Fail{502, "upstream_broken", "The model broke off.", "secret"};
  };
  const Answer answer = h.run(chat, question());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.events.back(), "bytes+last:" + kError);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  EXPECT_EQ(answer.failure.code, "upstream_broken");
}

TEST_F(ChatTest, EndsTheStreamWithAnErrorAtTheDeadline) {
  h.next = [this](Exchange& x, Sink&) { return h.host().sleep(x, 2s); };
  Request request = question();
  request.time_limit = 1s;
  const Answer answer = h.run(chat, request);
  EXPECT_EQ(answer.body, kStart + kError);
  EXPECT_EQ(answer.code, GH_CANCELLED);
}

TEST_F(ChatTest, SendsNothingMoreToAClientThatLeft) {
  h.next = testing::events({"step-start", "text:a", "text:b"});
  Request request = question();
  request.leaves_after = 2;
  const Answer answer = h.run(chat, request);
  EXPECT_EQ(answer.events,
            (Events{"bytes:" + kStart, "bytes:data: {\"type\":\"start-step\"}\n\n"}));
  EXPECT_EQ(answer.code, GH_STOP);

  h.next = [](Exchange&, Sink&) { return Status(GH_STOP); };
  EXPECT_EQ(h.run(chat, question()).body, "");
}

TEST_F(ChatTest, RejectsABadBodyBeforeTheStreamBegins) {
  for (const char* body : {"", "{\"messages\": [", "[]", R"({"messages": []})",
                           R"({"messages": [{"role": "user", "parts": []}]})"}) {
    Request request = question();
    request.body = body;
    const Answer answer = h.run(chat, request);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.events, Events()) << body;
  }
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ChatTest, LeavesOtherRequestsToOthers) {
  h.next = testing::answer("fine");
  EXPECT_EQ(h.get(chat, "/api/chat").body, "fine");
  EXPECT_EQ(h.post(chat, "/api/tools/sync", "{").body, "fine");
}

TEST_F(ChatTest, WantsTheDefaultModelToBeOneOfTheModels) {
  Chat other(h.host(), h.config(R"({"models": ["a"]})"));
  EXPECT_EQ(h.problems,
            (Events{"/default_model: must be one of models: add it there, or choose one of them"}));
}

}  // namespace
}  // namespace gatehouse::plugins::chat
