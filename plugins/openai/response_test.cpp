#include <gtest/gtest.h>

#include "openai_testing.h"

namespace gatehouse::plugins::openai {
namespace {

using namespace openai_testing;

std::string piece(const std::string& members) {
  return delta(R"("tool_calls":[{)" + members + "}]");
}
/// The events of chunks, and of a last one with this reason.
Events events_of(std::vector<std::string> chunks, const std::string& reason = "stop") {
  chunks.push_back(last(reason));
  return Gateway().events_of(chunks);
}

TEST(OpenAiResponse, IsTextReasoningAndCounts) {
  Gateway g;
  const Answer answer =
      g.ask(sse({delta(R"("role":"assistant","content":"","reasoning_content":null)"),
                 delta(R"("reasoning_content":"Hm.","content":"So")"),
                 delta(R"("reasoning":"Hm?","reasoning_content":"")"), last("length"),
                 R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,
                     "total_tokens":12,"prompt_tokens_details":{"cached_tokens":3},
                     "completion_tokens_details":{"reasoning_tokens":2}}})",
                 "[DONE]"}));
  EXPECT_EQ(answer.events, (Events{"step-start", "reasoning:Hm.", "text:So", "reasoning:Hm?",
                                   R"(response:{"id":"r1","model":"m-1"})",
                                   R"(usage:{"input_tokens":7,"output_tokens":5,"total_tokens":12,)"
                                   R"("reasoning_tokens":2,"cached_input_tokens":3})",
                                   "step-finish:length"}));
  EXPECT_TRUE(g.h.upstream.requests[0].closed);
}

TEST(OpenAiResponse, CountsWhereverTheyStand) {
  const auto usage = [](const std::string& chunk) { return events_of({chunk}).front(); };
  const std::string counts = R"({"prompt_tokens":1,"completion_tokens":2,"total_tokens":3})";
  const std::string expected = R"(usage:{"input_tokens":1,"output_tokens":2,"total_tokens":3})";
  EXPECT_EQ(usage(R"({"choices":null,"usage":)" + counts + "}"), expected);
  EXPECT_EQ(usage(delta("", R"(,"usage":)" + counts)), expected);  // Moonshot
  EXPECT_EQ(usage(R"({"object":"chat.completion.chunk","choices":[{"delta":{}}],"usage":)" +
                  counts + "}"),
            expected);
}

TEST(OpenAiResponse, ReadsListsOfContent) {
  EXPECT_EQ(events_of({delta(R"("content":[{"type":"thinking","thinking":[{"type":"text",)"
                             R"("text":"Hm."}]},{"type":"text","text":"So."}])")}),
            (Events{"reasoning:Hm.", "text:So.", "step-finish:stop"}));
}

TEST(OpenAiResponse, ShowsRefusalsAndSources) {
  EXPECT_EQ(events_of({delta(R"("refusal":"No.")")}),
            (Events{"text:No.", "step-finish:content-filter"}));
  const Events events = events_of({delta(R"("annotations":[{"type":"url_citation",)"
                                         R"("url_citation":{"url":"https://a","title":"A"}}])")});
  EXPECT_EQ(events.at(0).substr(0, 7), "source:");
  EXPECT_EQ(events.at(0).substr(24), "A:https://a");
}

TEST(OpenAiResponse, AssemblesCallsThatMix) {
  EXPECT_EQ(events_of({piece(R"("index":0,"id":"a","function":{"name":"f","arguments":""})"),
                       piece(R"("index":1,"id":"b","function":{"name":"g","arguments":"{"})"),
                       piece(R"("index":0,"function":{"arguments":"{\"x\":1}"})"),
                       piece(R"("index":1,"id":"b","function":{"name":"g","arguments":"}"})")},
                      "tool_calls"),
            (Events{"tool-input-start:a:f", "tool-input-start:b:g", "tool-input-delta:b:{",
                    R"(tool-input-delta:a:{"x":1})", "tool-input-delta:b:}",
                    R"(tool-call:a:f:{"x":1})", "tool-call:b:g:{}", "step-finish:tool-calls"}));
}

TEST(OpenAiResponse, TellsCallsOfOneIndexApart) {
  // Ollama: whole calls, all with index 0; by their ids, or without any.
  EXPECT_EQ(events_of({piece(R"("index":0,"id":"a","function":{"name":"f","arguments":"{}"})"),
                       piece(R"("index":0,"id":"b","function":{"name":"f","arguments":"{}"})")}),
            (Events{"tool-input-start:a:f", "tool-input-delta:a:{}", "tool-input-start:b:f",
                    "tool-input-delta:b:{}", "tool-call:a:f:{}", "tool-call:b:f:{}",
                    "step-finish:tool-calls"}));
  const Events events =
      events_of({piece(R"("index":0,"function":{"name":"f","arguments":"{}"})"),
                 piece(R"("index":0,"function":{"name":"f","arguments":"{\"a\":"})"),
                 piece(R"("index":0,"function":{"name":"f","arguments":"{\"b\":1}}"})")});
  EXPECT_EQ(events.size(), 8u);
  EXPECT_EQ(events.at(6).substr(events.at(6).rfind(":f:")), R"(:f:{"a":{"b":1}})");
}

TEST(OpenAiResponse, WaitsForTheNameOfACall) {
  EXPECT_EQ(events_of({piece(R"("index":0,"id":"a")"),
                       piece(R"("index":0,"function":{"name":null,"arguments":"{\"x\""})"),
                       piece(R"("index":0,"function":{"name":"f","arguments":":1}"})")}),
            (Events{"tool-input-start:a:f", R"(tool-input-delta:a:{"x")", "tool-input-delta:a::1}",
                    R"(tool-call:a:f:{"x":1})", "step-finish:tool-calls"}));
  Gateway g;
  const Answer nameless = g.ask(sse({piece(R"("index":0,"id":"a")"), last("stop"), "[DONE]"}));
  EXPECT_EQ(nameless.failure.code, "upstream_malformed");
}

TEST(OpenAiResponse, ReplacesIdsThatAreMissingOrUsedTwice) {
  const Events events =
      events_of({piece(R"("index":0,"id":"a","function":{"name":"f","arguments":"{}"})"),
                 piece(R"("index":1,"id":"a","function":{"name":"f","arguments":"{}"})"),
                 piece(R"("index":2,"id":"","function":{"name":"f"})")});
  std::set<std::string> ids;
  for (const std::string& e : events) {
    if (e.rfind("tool-call:", 0) == 0) ids.insert(e.substr(10, e.find(':', 10) - 10));
  }
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(ids.count("a"), 1u);
  EXPECT_EQ(ids.count(""), 0u);
}

TEST(OpenAiResponse, FailsACallWhoseArgumentsAreNoObject) {
  EXPECT_EQ(
      events_of({piece(R"("index":0,"id":"a","function":{"name":"f","arguments":"[1"})")}).at(2),
      R"(tool-call-error:a:f:The arguments are not a JSON object.:"[1")");
}

TEST(OpenAiResponse, GivesToolsTheirOwnNamesBack) {
  Gateway g;
  const Answer answer =
      g.ask(sse({piece(R"("index":0,"id":"a","function":{"name":"ns_t_1","arguments":""})"),
                 last("stop"), "[DONE]"}),
            R"({"model": "m", "messages": [], "tools": [{"name": "ns/t.1"}]})");
  EXPECT_EQ(answer.events.at(1), "tool-input-start:a:ns/t.1");
}

TEST(OpenAiResponse, KeepsWhatGooglesServerWantsBackWithACall) {
  EXPECT_EQ(
      events_of({piece(R"("id":"a","function":{"name":"f","arguments":"{}"},)"
                       R"("extra_content":{"google":{"thought_signature":"s"}})")})
          .at(2),
      R"(tool-call:a:f:{} @{"openai":{"extraContent":{"google":{"thought_signature":"s"}}}})");
}

TEST(OpenAiResponse, EndsWithTheReasonOfTheServer) {
  const auto reason = [](const std::string& given) { return events_of({}, given).back(); };
  EXPECT_EQ(reason("stop"), "step-finish:stop");
  EXPECT_EQ(reason("tool_calls"), "step-finish:tool-calls");
  EXPECT_EQ(reason("function_call"), "step-finish:tool-calls");
  EXPECT_EQ(reason("content_filter"), "step-finish:content-filter");
  EXPECT_EQ(reason("length"), "step-finish:length");
  EXPECT_EQ(reason("eos"), "step-finish:other");
}

TEST(OpenAiResponse, IsCompleteOnlyWithItsMark) {
  const auto outcome = [](const std::vector<std::string>& chunks) {
    Gateway g;
    const Answer answer = g.ask(sse(chunks));
    return answer.failure.http_status ? answer.failure.code : answer.events.back();
  };
  const std::string text = delta(R"("content":"x")");
  EXPECT_EQ(outcome({text, last("stop")}), "step-finish:stop");
  EXPECT_EQ(outcome({text, "[DONE]"}), "step-finish:other");
  EXPECT_EQ(outcome({"[DONE]"}), "step-finish:other");
  EXPECT_EQ(outcome({text}), "upstream_broken");
  EXPECT_EQ(outcome({}), "upstream_broken");
}

TEST(OpenAiResponse, FailsWithTheErrorInItsStreamAndIsNotRetried) {
  for (const std::string chunk :
       {R"({"error":{"message":"Overloaded","code":503}})", R"({"error":"text"})",
        R"({"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502}})",
        R"({"object":"error","message":"out of memory","code":500})"}) {
    Gateway g;
    const Answer answer = g.ask(sse({chunk, "[DONE]"}));
    EXPECT_NE(answer.failure.http_status, 0) << chunk;
    EXPECT_EQ(answer.failure.flags & GH_FAIL_TRANSIENT, 0u) << chunk;
    EXPECT_TRUE(answer.events.empty());
  }
}

TEST(OpenAiResponse, FailsWhenItIsMalformed) {
  for (const std::string chunk :
       {"{", "[]", "{}", R"({"choices":{}})", R"({"choices":[1]})",
        R"({"choices":[{"delta":"x"}]})", R"({"choices":[{"delta":{"content":1}}]})",
        R"({"choices":[{"delta":{"tool_calls":{}}}]})"}) {
    Gateway g;
    EXPECT_EQ(g.ask(sse({chunk, "[DONE]"})).failure.code, "upstream_malformed") << chunk;
  }
}

}  // namespace
}  // namespace gatehouse::plugins::openai
