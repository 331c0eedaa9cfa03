#include "message.h"

#include <gtest/gtest.h>

#include "gatehouse/toolkit/base64url.hpp"
#include "messages_testing.h"

namespace gatehouse::plugins::messages {
namespace {

using namespace messages_testing;

const std::string kTool = R"("tools": [{"name": "t", "input_schema": {}}])";

// ---- Events of a stream -------------------------------------------------------------------------

std::string block_start(int index, const std::string& members) {
  return R"({"type":"content_block_start","index":)" + std::to_string(index) +
         R"(,"content_block":{)" + members + "}}";
}
std::string delta(int index, const std::string& members) {
  return R"({"type":"content_block_delta","index":)" + std::to_string(index) + R"(,"delta":{)" +
         members + "}}";
}
std::string text_delta(int index, const std::string& words) {
  return delta(index, R"("type":"text_delta","text":")" + words + "\"");
}
std::string input_delta(int index, const std::string& json) {
  std::string text;
  quote(text, json);
  return delta(index, R"("type":"input_json_delta","partial_json":)" + text);
}
std::string block_stop(int index) {
  return R"({"type":"content_block_stop","index":)" + std::to_string(index) + "}";
}
const std::string kTextStart = R"("type":"text","text":"")";
const std::string kThinkingStart = R"("type":"thinking","thinking":"","signature":"")";
std::string call_start(const std::string& id) {
  return R"("type":"tool_use","id":")" + id + R"(","name":"t","input":{})";
}

/// The events between the start and the end of a message, for those of one step. `members`: more of
/// the body.
Events blocks(Events events, const std::string& members = kTool) {
  Gateway gateway;
  events.insert(events.begin(), "step-start");
  events.push_back("step-finish:stop");
  Events all = gateway.stream(events, members);
  EXPECT_EQ(all.at(0).find(R"({"type":"message_start",)"), 0u);
  EXPECT_EQ(all.back(), R"({"type":"message_stop"})");
  return {all.begin() + 1, all.end() - 2};
}

/// The last events but `message_stop`.
std::string message_delta(const Events& events, const std::string& members = kTool) {
  Gateway gateway;
  const Events all = gateway.stream(events, members);
  return all.at(all.size() - 2);
}

/// A member of the whole message.
std::string whole(View member, const Events& events, const std::string& members = kTool) {
  Gateway gateway;
  gateway.h.next = testing::events(events);
  const Answer answer = gateway.post(with(members));
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  const Document message = testing::parse(answer.body);
  return message.root()[member].dump();
}
std::string content(Events events, const std::string& members = kTool) {
  events.insert(events.begin(), "step-start");
  events.push_back("step-finish:stop");
  return whole("content", events, members);
}

// ---- The message --------------------------------------------------------------------------------

TEST(MessagesStream, HasTheEventsOfAMessage) {
  Gateway gateway;
  Events events =
      gateway.stream({"step-start", "usage:{\"input_tokens\":10}", "text:Hel", "text:lo",
                      "usage:{\"input_tokens\":10,\"output_tokens\":5}", "step-finish:stop"});
  const std::size_t id = events.at(0).find("msg_");
  ASSERT_NE(id, std::string::npos);
  EXPECT_EQ(events[0].replace(id + 4, 16, "ID"),
            R"({"type":"message_start","message":{"id":"msg_ID","type":"message",)"
            R"("role":"assistant","model":"m","content":[],"stop_reason":null,)"
            R"("stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":0,)"
            R"("cache_read_input_tokens":0,"output_tokens":0}}})");
  EXPECT_EQ(
      Events(events.begin() + 1, events.end()),
      (Events{block_start(0, kTextStart), text_delta(0, "Hel"), text_delta(0, "lo"), block_stop(0),
              R"({"type":"message_delta","delta":{"stop_reason":"end_turn",)"
              R"("stop_sequence":null},"usage":{"input_tokens":10,)"
              R"("cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
              R"("output_tokens":5}})",
              R"({"type":"message_stop"})"}));
}

TEST(MessagesStream, NamesEachEvent) {
  Gateway gateway;
  gateway.h.next = testing::answer("Hi");
  const Answer answer = gateway.post(with(R"("stream": true)"));
  EXPECT_EQ(answer.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(answer.header("request-id"), "request-1");
  EXPECT_EQ(answer.body.find("event: message_start\ndata: {\"type\":\"message_start\","), 0u);
  const std::string end = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
  EXPECT_EQ(answer.body.substr(answer.body.size() - end.size()), end);
  EXPECT_TRUE(answer.complete);
}

TEST(MessagesStream, BeginsWithTheFirstBlock) {
  Gateway gateway;
  std::vector<bool> begun;
  gateway.h.next = [&](Exchange& x, Sink& out) -> Status {
    for (const char* e :
         {"step-start", "usage:{\"input_tokens\":1}", "text:Hi", "step-finish:stop"}) {
      if (Status s = testing::emit(out, {e}); !s) return s;
      begun.push_back(x.committed());
    }
    return {};
  };
  gateway.post(with(R"("stream": true)"));
  EXPECT_EQ(begun, (std::vector<bool>{false, false, true, true}));
}

TEST(MessagesStream, EndsWithOneErrorEvent) {
  Gateway gateway;
  gateway.h.next = [](Exchange&, Sink& out) -> Status {
    if (Status s = testing::emit(out, {"step-start", "text:So far"}); !s) return s;
    return Fail{503, "upstream_unavailable", "The model is overloaded.", "a secret of the log"};
  };
  const Answer answer = gateway.post(with(R"("stream": true)"));
  const std::string end =
      "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
      "\"message\":\"The model is overloaded.\"},\"request_id\":\"request-1\"}\n\n";
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.substr(answer.body.size() - end.size()), end);
  EXPECT_EQ(answer.body.find("message_delta"), std::string::npos);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.failure.code, "upstream_unavailable");
}

TEST(MessagesStream, LeavesAnEarlyFailureItsStatus) {
  Gateway gateway;
  gateway.h.next = [](Exchange&, Sink& out) -> Status {
    if (Status s = testing::emit(out, {"step-start", "usage:{\"input_tokens\":1}"}); !s) return s;
    return Fail{429, "upstream_rate_limited", "Later.", {}};
  };
  const Answer answer = gateway.post(with(R"("stream": true)"));
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.events, Events());
}

TEST(MessagesWhole, IsOneObject) {
  Gateway gateway;
  gateway.h.next =
      testing::events({"step-start", "text:Hel", "text:lo",
                       "usage:{\"input_tokens\":10,\"output_tokens\":5}", "step-finish:stop"});
  std::string body = gateway.post(with("")).body;
  const std::size_t id = body.find("msg_");
  ASSERT_NE(id, std::string::npos);
  EXPECT_EQ(body.replace(id + 4, 16, "ID"),
            R"({"id":"msg_ID","type":"message","role":"assistant","model":"m",)"
            R"("content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn",)"
            R"("stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":0,)"
            R"("cache_read_input_tokens":0,"output_tokens":5}})");
}

TEST(MessagesWhole, IsNeverHalfOfOne) {
  Gateway gateway;
  gateway.h.next = [](Exchange&, Sink& out) -> Status {
    if (Status s = testing::emit(out, {"step-start", "text:So far"}); !s) return s;
    return Fail{502, "upstream_broken", "It broke off.", {}};
  };
  const Answer answer = gateway.post(with(""));
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.body.find("So far"), std::string::npos);
}

TEST(Messages, HasNoContentWithoutText) {
  EXPECT_EQ(content({}), "[]");
  EXPECT_EQ(content({"text:"}), "[]");
  EXPECT_EQ(blocks({"text:"}), Events());
}

TEST(Messages, HasNoContentIfTheModelHadNothingToSay) {
  Gateway gateway;
  gateway.h.next = testing::fails({502, "upstream_empty", "It is empty.", {}});
  const Answer answer = gateway.post(with(""));
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(R"("model":"m","content":[],"stop_reason":"end_turn")"),
            std::string::npos);
  gateway.h.next = [](Exchange&, Sink& out) -> Status {
    if (Status s = testing::emit(out, {"step-start", "reasoning:Hm."}); !s) return s;
    return Fail{502, "upstream_empty", "It has thoughts alone.", {}};
  };
  const std::string stream = gateway.post(with(R"("stream": true)")).body;
  EXPECT_NE(stream.find(R"({"type":"content_block_stop","index":0})"), std::string::npos);
  EXPECT_NE(stream.find(R"("stop_reason":"end_turn")"), std::string::npos);
}

TEST(Messages, NamesTheModelThatAPluginBelowHasChosen) {
  Gateway gateway;
  gateway.h.next = [](Exchange& x, Sink& out) -> Status {
    x.chat().edit("model").set("chosen");
    Status s = testing::emit(out, {"step-start", "text:a", "step-finish:stop"});
    x.chat().edit("model").set("m");
    return s;
  };
  EXPECT_NE(gateway.post(with("")).body.find(R"("model":"chosen")"), std::string::npos);
}

TEST(Messages, HasTheReasonOfTheEnd) {
  const std::pair<const char*, const char*> cases[] = {
      {"stop", "end_turn"},
      {"other", "end_turn"},
      {"length", "max_tokens"},
      {"tool-calls", "end_turn"},  // of calls that the client does not see
      {"content-filter", "refusal"}};
  for (const auto& [finish, stop] : cases) {
    const Events events = {"step-start", "text:a", std::string("step-finish:") + finish};
    EXPECT_EQ(whole("stop_reason", events), "\"" + std::string(stop) + "\"") << finish;
    EXPECT_NE(message_delta(events).find(R"("stop_reason":")" + std::string(stop)),
              std::string::npos)
        << finish;
  }
}

TEST(Messages, HasToolUseAsReasonWithACallOfTheClient) {
  for (const char* finish : {"step-finish:stop", "step-finish:tool-calls"})
    EXPECT_EQ(whole("stop_reason", {"step-start", "tool-call:c:t:{}", finish}), "\"tool_use\"");
  EXPECT_EQ(whole("stop_reason", {"step-start", "tool-call:c:t:{}", "step-finish:length"}),
            "\"max_tokens\"");
}

TEST(Messages, HasTheStopSequenceThatTheProviderNames) {
  Gateway gateway;
  gateway.h.next = [](Exchange&, Sink& out) -> Status {
    if (Status s = testing::emit(out, {"step-start", "text:a"}); !s) return s;
    const Document more = testing::parse(R"({"stop_sequence": "END"})");
    return out.emit(Event(event::step_finish("stop")).with_json(more.root()));
  };
  EXPECT_NE(
      gateway.post(with("")).body.find(R"("stop_reason":"stop_sequence","stop_sequence":"END")"),
      std::string::npos);
}

TEST(Messages, CountsCachedTokensApart) {
  EXPECT_EQ(whole("usage", {"step-start",
                            R"(usage:{"input_tokens":100,"cached_input_tokens":64,)"
                            R"("cache_write_tokens":20,"output_tokens":28})",
                            "step-finish:stop"}),
            R"({"input_tokens":16,"cache_creation_input_tokens":20,)"
            R"("cache_read_input_tokens":64,"output_tokens":28})");
}

TEST(Messages, IsOneOfAllStepsWithoutTheToolsOfTheGateway) {
  const Events events = {"step-start",
                         "text:Calling. ",
                         "tool-input-start+dynamic:c:kit_echo",
                         "tool-call+dynamic:c:kit_echo:{}",
                         "usage:{\"input_tokens\":12,\"output_tokens\":7}",
                         "step-finish:tool-calls",
                         "tool-output+dynamic:c:{}",
                         "step-start",
                         "text:Done.",
                         "usage:{\"input_tokens\":30,\"output_tokens\":4}",
                         "step-finish:stop"};
  EXPECT_EQ(whole("content", events),
            R"([{"type":"text","text":"Calling. "},{"type":"text","text":"Done."}])");
  EXPECT_EQ(whole("usage", events), R"({"input_tokens":42,"cache_creation_input_tokens":0,)"
                                    R"("cache_read_input_tokens":0,"output_tokens":11})");
}

// ---- Thinking -----------------------------------------------------------------------------------

std::string signature(const std::string& metadata) { return "gatehouse." + to_base64url(metadata); }
std::string thinking_delta(int index, const std::string& words) {
  return delta(index, R"("type":"thinking_delta","thinking":")" + words + "\"");
}
std::string signature_delta(int index, const std::string& value) {
  return delta(index, R"("type":"signature_delta","signature":")" + value + "\"");
}

TEST(MessagesThinking, IsABlockWithASignature) {
  EXPECT_EQ(blocks({"reasoning:First I ", "reasoning:think.", "text:Then I answer."}),
            (Events{block_start(0, kThinkingStart), thinking_delta(0, "First I "),
                    thinking_delta(0, "think."), signature_delta(0, signature("{}")), block_stop(0),
                    block_start(1, kTextStart), text_delta(1, "Then I answer."), block_stop(1)}));
  EXPECT_EQ(content({"reasoning:First I ", "reasoning:think."}),
            R"([{"type":"thinking","thinking":"First I think.","signature":")" + signature("{}") +
                "\"}]");
}

TEST(MessagesThinking, CarriesTheMetadataOfItsProvider) {
  const std::string metadata = R"({"google":{"thoughtSignature":"c2ln"}})";
  EXPECT_EQ(content({"reasoning:a", "reasoning:b @" + metadata, "reasoning:c"}),
            R"([{"type":"thinking","thinking":"ab","signature":")" + signature(metadata) +
                R"("},{"type":"thinking","thinking":"c","signature":")" + signature("{}") + "\"}]");
}

TEST(MessagesThinking, HasTheSignatureOfAnthropicAsItIs) {
  EXPECT_EQ(blocks({"reasoning#0:Hm.", R"(reasoning#0: @{"anthropic":{"signature":"EqQ/+=="}})",
                    R"(reasoning#1: @{"anthropic":{"redactedData":"eA=="}})",
                    R"(reasoning#2: @{"anthropic":{"signature":"EqR=="}})"}),
            (Events{block_start(0, kThinkingStart), thinking_delta(0, "Hm."),
                    signature_delta(0, "EqQ/+=="), block_stop(0),
                    block_start(1, R"("type":"redacted_thinking","data":"eA==")"), block_stop(1),
                    block_start(2, kThinkingStart), signature_delta(2, "EqR=="), block_stop(2)}));
  EXPECT_EQ(content({R"(reasoning#1: @{"anthropic":{"redactedData":"eA=="}})"}),
            R"([{"type":"redacted_thinking","data":"eA=="}])");
}

TEST(MessagesThinking, IsHiddenIfTheClientWantsItOmitted) {
  const std::string omitted = R"("thinking": {"type": "adaptive", "display": "omitted"})";
  EXPECT_EQ(content({"reasoning:Hm.", R"(reasoning: @{"anthropic":{"signature":"x"}})",
                     R"(reasoning:More. @{"google":{}})", "text:A."},
                    omitted),
            R"([{"type":"text","text":"A."}])");
  EXPECT_EQ(content({R"(reasoning#0: @{"anthropic":{"signature":"EqR=="}})", "text:A."}, omitted),
            R"([{"type":"thinking","thinking":"","signature":"EqR=="},)"
            R"({"type":"text","text":"A."}])");
}

TEST(MessagesThinking, IsHiddenIfTheOperatorWantsSo) {
  Gateway gateway(R"({"anyone": true, "send_reasoning": false})");
  gateway.h.next =
      testing::events({"step-start", "text:A", "reasoning:Hm.", "text:B", "step-finish:stop"});
  EXPECT_NE(gateway.post(with("")).body.find(
                R"("content":[{"type":"text","text":"A"},{"type":"text","text":"B"}])"),
            std::string::npos);
}

// ---- Calls --------------------------------------------------------------------------------------

TEST(MessagesCalls, AreBlocksBetweenTexts) {
  EXPECT_EQ(blocks({"text:a", "tool-call:c:t:{\"x\":1}", "text:b"}),
            (Events{block_start(0, kTextStart), text_delta(0, "a"), block_stop(0),
                    block_start(1, call_start("c")), input_delta(1, R"({"x":1})"), block_stop(1),
                    block_start(2, kTextStart), text_delta(2, "b"), block_stop(2)}));
  EXPECT_EQ(content({"text:a", "tool-call:c:t:{\"x\":1}"}),
            R"([{"type":"text","text":"a"},)"
            R"({"type":"tool_use","id":"c","name":"t","input":{"x":1}}])");
}

TEST(MessagesCalls, StreamTheirInput) {
  EXPECT_EQ(blocks({"tool-input-start:c:t", "tool-input-delta:c:{\"x\"", "tool-input-delta:c::1",
                    "tool-input-delta:c:}", "tool-call:c:t:{\"x\":1}"}),
            (Events{block_start(0, call_start("c")), input_delta(0, "{\"x\":1"),
                    input_delta(0, "}"), block_stop(0)}));
}

TEST(MessagesCalls, CarryTheMetadataOfTheirProviderInTheirIds) {
  const std::string metadata = R"({"google":{"thoughtSignature":"c2ln"}})";
  EXPECT_EQ(blocks({"tool-input-start:c:t @" + metadata, "tool-input-delta:c:{}",
                    "tool-call:c:t:{} @" + metadata}),
            (Events{block_start(0, call_start("c_md_" + to_base64url(metadata))),
                    input_delta(0, "{}"), block_stop(0)}));
}

TEST(MessagesCalls, HaveIdsOfLettersDigitsAndDashes) {
  EXPECT_EQ(content({"tool-call:functions.t/0:t:{}"}),
            R"([{"type":"tool_use","id":"functions_t_0","name":"t","input":{}}])");
}

TEST(MessagesCalls, FollowOneAnotherThoughTheirEventsMix) {
  EXPECT_EQ(
      blocks({"tool-input-start:a:t", "tool-input-delta:a:{", "tool-input-start:b:t",
              "tool-input-delta:a:\"x\"", "tool-input-delta:b:{", "text:c",
              "tool-input-delta:a::1}", "tool-input-delta:b:}", "tool-call:a:t:{\"x\":1}",
              "tool-call:b:t:{}"}),
      (Events{block_start(0, call_start("a")), input_delta(0, "{\"x\""), input_delta(0, ":1}"),
              block_stop(0), block_start(1, call_start("b")), input_delta(1, "{}"), block_stop(1),
              block_start(2, kTextStart), text_delta(2, "c"), block_stop(2)}));
}

TEST(MessagesCalls, AreOneIfTheClientWantsNoneInParallel) {
  EXPECT_EQ(content({"tool-call:a:t:{}", "tool-call:b:t:{}"},
                    kTool + R"(, "tool_choice": {"type": "auto",)"
                            R"( "disable_parallel_tool_use": true})"),
            R"([{"type":"tool_use","id":"a","name":"t","input":{}}])");
}

/// The failure of a response with these events.
std::string failure(Events events) {
  Gateway gateway;
  events.insert(events.begin(), "step-start");
  events.push_back("step-finish:tool-calls");
  gateway.h.next = testing::events(events);
  return gateway.post(with(R"("stream": true, )" + kTool)).failure.code;
}

TEST(MessagesCalls, FailTheResponseIfTheyCannotBeRead) {
  EXPECT_EQ(failure({"tool-call-error:c:t:no JSON:\"{\""}), "upstream_malformed");
  EXPECT_EQ(failure({"tool-call:c:t:[]"}), "upstream_malformed");
  EXPECT_EQ(failure({"text:a", "tool-input-start:c:t", "tool-input-delta:c:{",
                     "tool-call-error:c:t:no JSON:\"{\""}),
            "upstream_malformed");
  EXPECT_EQ(failure({"tool-call-error:c:u:no such tool:{}"}), "upstream_malformed");
  EXPECT_EQ(failure({"tool-call-error:c:u:no such tool:{}", "tool-call:d:t:{}"}), "");
}

TEST(MessagesCalls, OfUnknownToolsBeginWhenTheyAreWhole) {
  EXPECT_EQ(blocks({"tool-input-start:c:u", "tool-input-delta:c:{}", "tool-call:c:u:{}"}).size(),
            3u);
  // As a plugin below rejects it, and the model continues.
  EXPECT_EQ(
      whole("content", {"step-start", "tool-input-start:c:u", "tool-input-delta:c:{}",
                        "tool-call-error:c:u:no such tool:{}", "tool-output-error:c:not run",
                        "step-finish:tool-calls", "step-start", "text:a", "step-finish:stop"}),
      R"([{"type":"text","text":"a"}])");
}

}  // namespace
}  // namespace gatehouse::plugins::messages
