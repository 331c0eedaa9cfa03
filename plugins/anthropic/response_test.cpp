#include <gtest/gtest.h>

#include "anthropic_testing.h"

namespace gatehouse::plugins::anthropic {
namespace {

using namespace anthropic_testing;

Events events_of(std::vector<std::string> messages, const std::string& reason = "end_turn") {
  return Gateway().events_of(std::move(messages), reason);
}

TEST(AnthropicResponse, IsBlocksOfTextAndThoughts) {
  Gateway g;
  const Answer answer = g.ask(
      sse({R"({"type":"ping"})", start(R"("input_tokens":25,"output_tokens":1)"),
           begin(0, R"("type":"thinking","thinking":"","signature":"")"),
           delta(0, R"("type":"thinking_delta","thinking":"Hm.")"),
           delta(0, R"("type":"signature_delta","signature":"c2ln")"), stop(0),
           begin(1, R"("type":"redacted_thinking","data":"eA==")"), stop(1),
           begin(2, R"("type":"text","text":"")"), delta(2, R"("type":"text_delta","text":"So")"),
           stop(2), begin(3, R"("type":"text","text":"")"), stop(3), text("Next", 4), stop(4),
           last("end_turn", R"("output_tokens":9)"), kStop}));
  EXPECT_EQ(
      answer.events,
      (Events{"step-start", R"(usage:{"input_tokens":25,"output_tokens":1,"total_tokens":26})",
              "reasoning#0:Hm.", R"(reasoning#0: @{"anthropic":{"signature":"c2ln"}})",
              R"(reasoning#1: @{"anthropic":{"redactedData":"eA=="}})", "text#2:So", "text#4:Next",
              R"(response:{"id":"msg_1","model":"claude-x"})",
              R"(usage:{"input_tokens":25,"output_tokens":9,"total_tokens":34})",
              "step-finish:stop"}));
}

TEST(AnthropicResponse, AssemblesCalls) {
  EXPECT_EQ(
      events_of({begin(0, R"("type":"tool_use","id":"t1","name":"f","input":{})"),
                 delta(0, R"("type":"input_json_delta","partial_json":"")"),
                 delta(0, R"("type":"input_json_delta","partial_json":"{\"a\":")"),
                 delta(0, R"("type":"input_json_delta","partial_json":"1}")"), stop(0),
                 begin(1, R"("type":"tool_use","id":"t2","name":"g","input":{"b":2})"), stop(1),
                 begin(2, R"("type":"tool_use","id":"t3","name":"h","input":{})"), stop(2)}),
      (Events{"tool-input-start:t1:f", R"(tool-input-delta:t1:{"a":)", "tool-input-delta:t1:1}",
              R"(tool-call:t1:f:{"a":1})", "tool-input-start:t2:g",
              R"(tool-input-delta:t2:{"b":2})", R"(tool-call:t2:g:{"b":2})",
              "tool-input-start:t3:h", "tool-call:t3:h:{}", "step-finish:tool-calls"}));
}

TEST(AnthropicResponse, FailsACallWhoseInputIsNoObject) {
  EXPECT_EQ(events_of({begin(0, R"("type":"tool_use","id":"t1","name":"f","input":{})"),
                       delta(0, R"("type":"input_json_delta","partial_json":"{a")"), stop(0)},
                      "max_tokens"),
            (Events{"tool-input-start:t1:f", "tool-input-delta:t1:{a",
                    R"(tool-call-error:t1:f:The arguments are not a JSON object.:"{a")",
                    "step-finish:length"}));
}

TEST(AnthropicResponse, ReplacesIdsThatAreUsedTwice) {
  const Events events =
      events_of({begin(0, R"("type":"tool_use","id":"t","name":"f","input":{})"), stop(0),
                 begin(1, R"("type":"tool_use","id":"t","name":"f","input":{})"), stop(1)});
  EXPECT_EQ(events.at(1), "tool-call:t:f:{}");
  EXPECT_NE(events.at(3), events.at(1));
}

TEST(AnthropicResponse, EndsABlockThatTheServerDoesNot) {
  EXPECT_EQ(events_of({begin(0, R"("type":"tool_use","id":"t1","name":"f")"),
                       begin(0, R"("type":"tool_use","id":"t2","name":"f")"), stop(0)}),
            (Events{"tool-input-start:t1:f", "tool-call:t1:f:{}", "tool-input-start:t2:f",
                    "tool-call:t2:f:{}", "step-finish:tool-calls"}));
}

TEST(AnthropicResponse, GivesToolsTheirOwnNamesBack) {
  Gateway g;
  const Answer answer =
      g.ask(sse({begin(0, R"("type":"tool_use","id":"t1","name":"ns_t_1","input":{})"), stop(0),
                 last("tool_use"), kStop}),
            R"({"model": "m", "messages": [], "tools": [{"name": "ns/t.1"}]})");
  EXPECT_EQ(answer.events.at(1), "tool-input-start:t1:ns/t.1");
}

TEST(AnthropicResponse, IgnoresWhatTheApiMayAdd) {
  EXPECT_EQ(events_of({R"({"type":"news","x":1})", begin(0, R"("type":"hologram","text":"x")"),
                       delta(0, R"("type":"text_delta","text":"y")"), stop(0), text("So", 1),
                       delta(1, R"("type":"citations_delta","citation":{})"), stop(1),
                       delta(7, R"("type":"text_delta","text":"lost")"), stop(7),
                       begin(2, R"("type":"server_tool_use","id":"s","name":"web_search")"),
                       delta(2, R"("type":"input_json_delta","partial_json":"{}")"), stop(2)}),
            (Events{"text#1:So", "step-finish:stop"}));
}

TEST(AnthropicResponse, CountsWithTheCache) {
  const std::vector<std::string> messages = {
      start(R"("input_tokens":0)"), text("x"), stop(0),
      last("end_turn", R"("input_tokens":25,"cache_creation_input_tokens":100,)"
                       R"("cache_read_input_tokens":900,"output_tokens":9,)"
                       R"("output_tokens_details":{"thinking_tokens":4})"),
      kStop};
  const auto usage = [&](const std::string& settings) {
    Gateway g(settings);
    const Events events = g.ask(sse(messages)).events;
    return events.at(events.size() - 2);
  };
  EXPECT_EQ(usage(""),
            R"(usage:{"input_tokens":1025,"output_tokens":9,"total_tokens":1034,)"
            R"("reasoning_tokens":4,"cached_input_tokens":900,"cache_write_tokens":100})");
  EXPECT_EQ(usage(R"("as_ai_sdk_5": true)"),
            R"(usage:{"input_tokens":25,"output_tokens":9,"total_tokens":34,)"
            R"("reasoning_tokens":4,"cached_input_tokens":900,"cache_write_tokens":100})");
}

TEST(AnthropicResponse, CountsNothingThatNoResponseMayHave) {
  Gateway g;
  const Events events =
      g.ask(sse({start(R"("input_tokens":0)"), text("x"), stop(0),
                 last("end_turn", R"("input_tokens":25,"output_tokens":9007199254740993,)"
                                  R"("cache_read_input_tokens":-9223372036854775808,)"
                                  R"("cache_creation_input_tokens":-5)"),
                 kStop}))
          .events;
  EXPECT_EQ(events.at(events.size() - 2),
            R"(usage:{"input_tokens":25,"output_tokens":0,"total_tokens":25})");
}

/// Keeps the json of the event that ends a step of the plugin.
struct Ending final : Plugin, Sink {
  explicit Ending(Plugin& plugin) : below(plugin) {}
  Status handle(Exchange& x, Sink& out, Next& next) override {
    above = &out;
    return below.handle(x, *this, next);
  }
  Status emit(Event e) override {
    if (e.kind() == GH_EV_STEP_FINISH) json = e.json() ? e.json().dump() : "";
    return above->emit(e);
  }
  Plugin& below;
  Sink* above = nullptr;
  std::string json;
};

TEST(AnthropicResponse, EndsWithTheStopSequenceThatTheModelHasMet) {
  Gateway g;
  Ending ending(*g.plugin);
  const std::string end = R"({"type":"message_delta","delta":{"stop_reason":"stop_sequence",)"
                          R"("stop_sequence":"END"},"usage":{}})";
  for (const std::string& last_event : {end, last("end_turn")}) {
    g.h.upstream.push(sse({start(), text("x"), stop(0), last_event, kStop}));
    g.h.ask(ending, kHello);
    EXPECT_EQ(ending.json, last_event == end ? R"({"stop_sequence":"END"})" : "");
  }
}

TEST(AnthropicResponse, EndsWithTheReasonOfTheApi) {
  const auto reason = [](const std::string& given) { return events_of({}, given).back(); };
  for (const std::string given : {"end_turn", "stop_sequence", "pause_turn"})
    EXPECT_EQ(reason(given), "step-finish:stop");
  EXPECT_EQ(reason("tool_use"), "step-finish:tool-calls");
  EXPECT_EQ(reason("max_tokens"), "step-finish:length");
  EXPECT_EQ(reason("model_context_window_exceeded"), "step-finish:length");
  EXPECT_EQ(reason("refusal"), "step-finish:content-filter");
  EXPECT_EQ(reason("tired"), "step-finish:other");
}

TEST(AnthropicResponse, IsCompleteOnlyWithItsMark) {
  const auto outcome = [](const std::vector<std::string>& messages) {
    Gateway g;
    const Answer answer = g.ask(sse(messages));
    return answer.failure.http_status ? answer.failure.code : answer.events.back();
  };
  EXPECT_EQ(outcome({start(), text("x"), stop(0), last("end_turn")}), "step-finish:stop");
  EXPECT_EQ(outcome({start(), text("x"), stop(0), kStop}), "step-finish:other");
  EXPECT_EQ(outcome({start(), text("x"), stop(0)}), "upstream_broken");
  EXPECT_EQ(outcome({}), "upstream_broken");
  EXPECT_EQ(
      outcome({begin(0, R"("type":"tool_use","id":"t","name":"f")"), last("tool_use"), kStop}),
      "upstream_broken");
}

TEST(AnthropicResponse, IsRetriedOnlyIfOverloadedAtOnce) {
  const auto transient = [](const std::vector<std::string>& messages) {
    Gateway g;
    const Answer answer = g.ask(sse(messages));
    EXPECT_NE(answer.failure.http_status, 0);
    return (answer.failure.flags & GH_FAIL_TRANSIENT) != 0;
  };
  const std::string ping = R"({"type":"ping"})";
  const std::string overloaded =
      R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})";
  EXPECT_TRUE(transient({ping, overloaded}));
  EXPECT_FALSE(transient({start(), overloaded}));
  EXPECT_FALSE(transient({R"({"type":"error","error":{"type":"api_error","message":"x"}})"}));
}

TEST(AnthropicResponse, FailsWhenItIsMalformed) {
  for (const std::string message : {"{", "[]", "{}", R"({"type":"content_block_start","index":0})",
                                    R"({"type":"content_block_delta","index":0,"delta":"x"})"}) {
    Gateway g;
    EXPECT_EQ(g.ask(sse({message, kStop})).failure.code, "upstream_malformed") << message;
  }
}

}  // namespace
}  // namespace gatehouse::plugins::anthropic
