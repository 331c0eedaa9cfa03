#include "response.h"

#include <gtest/gtest.h>

#include "gemini_testing.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace gemini_testing;

constexpr View kAfterResult = R"({"model": "gemini-2.5-flash", "messages": [
  {"role": "assistant", "content": [{"type": "tool-call", "id": "c1", "name": "f", "input": {}}]},
  {"role": "tool", "content": [{"type": "tool-result", "id": "c1", "name": "f", "output": 1}]}]})";

/// The events with the 16 characters at each random id's place as ID.
Events without_ids(Events events, const std::vector<std::string>& starts) {
  for (std::string& e : events) {
    for (const std::string& start : starts) {
      if (e.rfind(start, 0) == 0) e.replace(start.size(), 16, "ID");
    }
  }
  return events;
}

// ---- Parts -------------------------------------------------------------------------------------

TEST(GeminiResponse, PassesTextOnAsItComes) {
  Gateway g;
  const Answer a = g.ask(sse({with_parts(R"({"text":"one "},{"text":""},{"text":"two "})"),
                              last(R"({"text":"three"})"),
                              R"({"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,)"
                              R"("totalTokenCount":9,"thoughtsTokenCount":4}})"}));
  EXPECT_EQ(
      a.events,
      (Events{"step-start", "text:one ", "text:two ", "text:three",
              R"(usage:{"input_tokens":3,"output_tokens":6,"total_tokens":9,"reasoning_tokens":4})",
              "step-finish:stop"}));
  EXPECT_EQ(a.notes,
            R"({"model":"gemini-2.5-flash","provider":"gcp.gemini","attempts":1,"upstream_ms":0})");
}

TEST(GeminiResponse, SeparatesThoughtsFromTextAndKeepsSignatures) {
  Gateway g;
  EXPECT_EQ(
      g.answer({last(
          R"({"text":"hm","thought":true,"thoughtSignature":"a"},{"text":"Hi"},)"
          R"({"text":"","thought":true,"thoughtSignature":"b"},)"
          R"({"inlineData":{"mimeType":"image/png","data":"aGk="},"thoughtSignature":"c"})")}),
      (Events{"step-start", R"(reasoning:hm @{"google":{"thoughtSignature":"a"}})", "text:Hi",
              R"(reasoning: @{"google":{"thoughtSignature":"b"}})",
              R"(file:image/png:aGk= @{"google":{"thoughtSignature":"c"}})", "step-finish:stop"}));
}

TEST(GeminiResponse, KeepsASignatureThatArrivesBeforeAnyText) {
  Gateway g;
  EXPECT_EQ(g.answer({with_parts(R"({"text":"","thoughtSignature":"a"})"),
                      with_parts(R"({"text":"","thought":true,"thoughtSignature":"b"})"),
                      last(R"({"text":"Hi"})")}),
            (Events{"step-start", R"(text: @{"google":{"thoughtSignature":"a"}})",
                    R"(reasoning: @{"google":{"thoughtSignature":"b"}})", "text:Hi",
                    "step-finish:stop"}));
  EXPECT_EQ(g.answer({last(R"({"text":"","thoughtSignature":"a"})")}), Events());
}

TEST(GeminiResponse, PutsCallsBehindTheTextOfTheirEvent) {
  Gateway g;
  EXPECT_EQ(
      g.answer({last(R"({"text":"a"},{"functionCall":{"id":"c1","name":"open","args":{"n":1}},)"
                     R"("thoughtSignature":"s"},)"
                     R"({"text":"b"},{"functionCall":{"id":"c2","name":"read"}})")}),
      (Events{"step-start", "text:a", "text:b", "tool-input-start:c1:open",
              R"(tool-input-delta:c1:{"n":1})",
              R"(tool-call:c1:open:{"n":1} @{"google":{"thoughtSignature":"s"}})",
              "tool-input-start:c2:read", "tool-input-delta:c2:{}", "tool-call:c2:read:{}",
              "step-finish:tool-calls"}));
}

TEST(GeminiResponse, GivesEachCallAnIdOfItsOwn) {
  Gateway g;
  const std::string none = R"({"functionCall":{"name":"f"}})",
                    empty = R"({"functionCall":{"name":"f","id":""}})";
  const std::string twice = R"({"functionCall":{"name":"f","id":"t"}})",
                    used = R"({"functionCall":{"name":"f","id":"c1"}})";
  const Answer a =
      g.ask(sse({last(none + "," + empty + "," + twice + "," + twice + "," + used)}), kAfterResult);
  std::set<std::string> ids;
  for (const std::string& e : a.events) {
    if (e.rfind("tool-call:", 0) == 0) ids.insert(e.substr(10, e.find(':', 10) - 10));
  }
  EXPECT_EQ(ids.size(), 5u);
  EXPECT_EQ(ids.count("t"), 1u);
  EXPECT_EQ(ids.count("c1") + ids.count(""), 0u);
}

TEST(GeminiResponse, TakesArgumentsHoweverTheyAreWritten) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"("args":{"a":1})", R"({"a":1})"},
      {R"("args":"{\"a\":1}")", R"({"a":1})"},
      {R"("args":"no JSON")", R"("no JSON")"},
      {R"("args":null)", "{}"}};
  for (const auto& [args, expected] : table) {
    Gateway g;
    EXPECT_EQ(g.answer({last(R"({"functionCall":{"id":"c","name":"f",)" + args + "}}")}).at(3),
              "tool-call:c:f:" + expected);
  }
}

TEST(GeminiResponse, KnowsToolsByTheNamesThatModelsGiveThem) {
  Gateway g;
  const Answer a = g.ask(sse({last(R"({"functionCall":{"id":"c","name":"default_api:read"}})")}),
                         R"({"model": "m", "messages": [], "tools": [{"name": "read"}]})");
  EXPECT_EQ(a.events.at(3), "tool-call:c:read:{}");

  Gateway both;
  const Answer b = both.ask(sse({last(R"({"functionCall":{"id":"c","name":"default_api:read"}},)"
                                      R"({"functionCall":{"id":"d","name":"read"}})")}),
                            R"({"model": "m", "messages": [], "tools": [{"name": "read"}]})");
  EXPECT_EQ(b.events.at(3), "tool-call:c:default_api:read:{}") << "it has used the name itself";
}

TEST(GeminiResponse, TakesArgumentsThatAreNoObjectOutOfTheirWrapping) {
  Gateway g;
  const Answer a =
      g.ask(sse({last(R"({"functionCall":{"id":"c","name":"tag","args":{"value":["a"]}}},)"
                      R"({"functionCall":{"id":"d","name":"read","args":{"value":1}}})")}),
            R"({"model": "m", "messages": [], "tools": [
          {"name": "tag", "input_schema": {"type": "array"}},
          {"name": "read", "input_schema": {"type": "object"}}]})");
  EXPECT_EQ(a.events.at(3), R"(tool-call:c:tag:["a"])");
  EXPECT_EQ(a.events.at(6), R"(tool-call:d:read:{"value":1})");
}

TEST(GeminiResponse, ShowsCodeThatGoogleRan) {
  Gateway g;
  const Events events = g.answer(
      {with_parts(
           R"({"executableCode":{"language":"PYTHON","code":"6*7"},"thoughtSignature":"s"})"),
       last(R"({"codeExecutionResult":{"outcome":"OUTCOME_OK"}})")});
  EXPECT_EQ(
      without_ids(events, {"tool-call+provider-executed:", "tool-output+provider-executed:"}),
      (Events{"step-start",
              R"(tool-call+provider-executed:ID:code_execution:{"language":"PYTHON","code":"6*7"})"
              R"( @{"google":{"thoughtSignature":"s"}})",
              R"(tool-output+provider-executed:ID:{"outcome":"OUTCOME_OK"})", "step-finish:stop"}));
}

TEST(GeminiResponse, KeepsCallsOfGooglesToolsAsTheyCame) {
  Gateway g;
  const std::string call =
      R"({"toolCall":{"id":"s1","toolType":"GOOGLE_SEARCH_WEB","args":{"queries":["q"]}},)"
      R"("thoughtSignature":"a"})";
  const std::string response =
      R"({"toolResponse":{"id":"s1","toolType":"GOOGLE_SEARCH_WEB","response":{"n":1}},)"
      R"("thoughtSignature":"b"})";
  EXPECT_EQ(
      g.answer({with_parts(call), with_parts(response), last(R"({"text":"Found."})")}),
      (Events{"step-start",
              R"(tool-call+provider-executed:s1:server:GOOGLE_SEARCH_WEB:{"queries":["q"]} @{)"
              R"("google":{"toolCall":)" +
                  call + R"(,"toolResponse":)" + response + "}}",
              R"(tool-output+provider-executed:s1:{"n":1})", "text:Found.", "step-finish:stop"}));
  EXPECT_EQ(
      g.answer({with_parts(call), last(R"({"text":"No."})")}),
      (Events{"step-start", "text:No.",
              R"(tool-call+provider-executed:s1:server:GOOGLE_SEARCH_WEB:{"queries":["q"]} @{)"
              R"("google":{"toolCall":)" +
                  call + "}}",
              "step-finish:stop"}));
}

TEST(GeminiResponse, ShowsNoImagesOfTheThoughts) {
  Gateway g;
  EXPECT_EQ(
      g.answer({with_parts(
                    R"({"inlineData":{"mimeType":"image/png","data":"ZHJhZnQ="},"thought":true})"),
                last(R"({"inlineData":{"mimeType":"image/png","data":"aGk="}})")}),
      (Events{"step-start", "file:image/png:aGk=", "step-finish:stop"}));
}

TEST(GeminiResponse, IgnoresWhatItDoesNotKnow) {
  Gateway g;
  EXPECT_EQ(
      g.answer(
          {with_parts(R"({"hologram":{}},{"inlineData":{}},)"
                      R"({"executableCode":1},{"codeExecutionResult":{}},{"functionCall":null},)"
                      R"({"toolResponse":{"id":"x"}},7)"),
           R"({"error":null,"candidates":[null],"usageMetadata":null})", last(R"({"text":"Hi"})")}),
      (Events{"step-start", "text:Hi", "step-finish:stop"}));
}

// ---- Sources -----------------------------------------------------------------------------------

TEST(GeminiResponse, NamesEachSourceOnceAndOnlyWebPages) {
  Gateway g;
  const std::string sources =
      R"("groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a","title":"A"}},)"
      R"({"image":{"sourceUri":"https://i"}},)"
      R"({"retrievedContext":{"uri":"gs://b/c.pdf"}},{"maps":{"uri":"https://m"}},)"
      R"({"web":{"uri":"javascript:x"}}]},)"
      R"("citationMetadata":{"citationSources":[{"uri":"https://c"},{"startIndex":1}],)"
      R"("citations":[{"uri":"https://d","title":"D"}]},)"
      R"("urlContextMetadata":{"urlMetadata":[{"retrievedUrl":"https://u",)"
      R"("urlRetrievalStatus":"URL_RETRIEVAL_STATUS_SUCCESS"},)"
      R"({"retrievedUrl":"https://v","urlRetrievalStatus":"URL_RETRIEVAL_STATUS_PAYWALL"}]})";
  const Events events = g.answer({with_parts(R"({"text":"t"})", sources),
                                  with_parts("", sources + R"(,"finishReason":"STOP")")});
  EXPECT_EQ(without_ids(events, {"source:"}),
            (Events{"step-start", "source:ID:A:https://a", "source:ID::https://i",
                    "source:ID::https://m", "source:ID::https://u", "source:ID::https://c",
                    "source:ID:D:https://d", "text:t", "step-finish:stop"}));
}

TEST(GeminiResponse, PassesGooglesSearchSuggestionsOnWhereItSearches) {
  const std::string event =
      with_parts(R"({"text":"t"})",
                 R"("groundingMetadata":{"searchEntryPoint":{"renderedContent":"<div>q</div>"}},)"
                 R"("finishReason":"STOP")");
  const Events shown = {"step-start", "text:t",
                        R"(data:search-suggestions:{"html":"<div>q</div>"})", "step-finish:stop"};
  Gateway by_setting(R"("builtin_tools": ["google_search"])"), by_chat, never;
  EXPECT_EQ(by_setting.answer({event}), shown);
  EXPECT_EQ(
      by_chat
          .ask(sse({event}),
               R"({"model": "m", "messages": [], "provider_tools": [{"name": "google_search"}]})")
          .events,
      shown);
  EXPECT_EQ(never.answer({event}), (Events{"step-start", "text:t", "step-finish:stop"}));
}

// ---- What Gemini reports about it
// -----------------------------------------------------------------

TEST(GeminiResponse, ReportsWhichModelResponded) {
  Gateway g;
  const Answer a =
      g.ask(sse({R"({"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],)"
                 R"("modelVersion":"gemini-3.5-flash-lite","responseId":"r1"})"}));
  EXPECT_EQ(a.events, (Events{"step-start", "text:Hi",
                              R"(response:{"model":"gemini-3.5-flash-lite","id":"r1"})",
                              "step-finish:stop"}));
  EXPECT_EQ(a.notes,
            R"({"model":"gemini-2.5-flash","provider":"gcp.gemini","attempts":1,"upstream_ms":0,)"
            R"("answered_by":"gemini-3.5-flash-lite"})");
}

TEST(GeminiResponse, LogsTheFinishReasonOfGemini) {
  Gateway g;
  g.answer(
      {with_parts(R"({"text":"Hi"})", R"("finishReason":"BRAND_NEW","finishMessage":"Why not.")")});
  EXPECT_TRUE(g.logged(
      R"(debug: Gemini response ended {"reason":"BRAND_NEW","message":"Why not.","usage":)"))
      << g.h.logs.back();
  EXPECT_TRUE(g.logged("warn: unknown finishReason of Gemini: BRAND_NEW"));
}

TEST(GeminiResponse, FinishesWithTheWordOfGemini) {
  struct Watcher final : Plugin, Sink {
    explicit Watcher(Plugin& gemini) : gemini_(gemini) {}
    Status handle(Exchange& x, Sink&, Next& next) override {
      return gemini_.handle(x, *this, next);
    }
    Status emit(Event e) override {
      if (e.kind() == GH_EV_STEP_FINISH)
        finish = std::string(e.name()) + " " + std::string(e.text());
      return {};
    }
    Plugin& gemini_;
    std::string finish;
  };
  Gateway g;
  Watcher watcher(g.gemini);
  g.h.upstream.push(sse({last(R"({"text":"Hi"})", "IMAGE_RECITATION")}));
  g.h.ask(watcher, kHello);
  EXPECT_EQ(watcher.finish, "content-filter IMAGE_RECITATION");
}

// ---- Token counts ------------------------------------------------------------------------------

TEST(GeminiResponse, TakesTheLastUsageAsAWhole) {
  Gateway g;
  const Events events =
      g.answer({R"({"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1}})",
                R"({"usageMetadata":{"promptTokenCount":8,"cachedContentTokenCount":5}})",
                R"({"candidates":[]})", last(R"({"text":"Hi"})")});
  const std::string usage = R"(usage:{"input_tokens":8,"cached_input_tokens":5})";
  EXPECT_EQ(events.at(1), usage) << "what is known before the text";
  EXPECT_EQ(events.at(3), usage);
}

TEST(GeminiResponse, CountsAsGoogleBills) {
  Gateway g;
  EXPECT_EQ(
      g.answer({last(R"({"text":"Hi"})"),
                R"({"usageMetadata":{"promptTokenCount":100,"toolUsePromptTokenCount":30,)"
                R"("candidatesTokenCount":7,)"
                R"("thoughtsTokenCount":20,"cachedContentTokenCount":40,"totalTokenCount":157}})"})
          .at(2),
      R"(usage:{"input_tokens":130,"output_tokens":27,)"
      R"("total_tokens":157,"reasoning_tokens":20,"cached_input_tokens":40})");
}

TEST(GeminiResponse, AddsWhatEarlierAttemptsHaveUsed) {
  struct Twice final : Plugin {
    explicit Twice(Plugin& gemini) : gemini_(gemini) {}
    Status handle(Exchange& x, Sink& out, Next& next) override {
      (void)gemini_.handle(x, out, next);
      first_notes = x.notes().dump();
      return gemini_.handle(x, out, next);
    }
    Plugin& gemini_;
    std::string first_notes;
  };
  Gateway g;
  Twice twice(g.gemini);
  g.h.upstream.push(
      sse({R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,)"
           R"("thoughtsTokenCount":1}})"}));
  g.h.upstream.push(sse({last(R"({"text":"Hi"})"),
                         R"({"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":2}})"}));
  const Answer a = g.h.ask(twice, kHello);
  EXPECT_EQ(
      a.events.at(2),
      R"(usage:{"input_tokens":18,"output_tokens":3,"total_tokens":21,"reasoning_tokens":1})");
  EXPECT_EQ(twice.first_notes,
            R"({"model":"gemini-2.5-flash","provider":"gcp.gemini","attempts":1,"upstream_ms":0,)"
            R"("unanswered":{"test":{)"
            R"("input_tokens":9,"output_tokens":1,"total_tokens":10,"reasoning_tokens":1,)"
            R"("attempts":1}}})");
  EXPECT_EQ(a.notes,
            R"({"model":"gemini-2.5-flash","provider":"gcp.gemini","attempts":2,"upstream_ms":0})");
}

// ---- Endings -----------------------------------------------------------------------------------

constexpr std::uint32_t kTransient = GH_FAIL_TRANSIENT;

/// What becomes of a response with this finishReason: "finish WORD", or the failure and whether it
/// may pass.
std::string ending(const std::string& parts, const std::string& reason, View chat = kHello) {
  Gateway g;
  const Answer a =
      g.ask(sse({with_parts(
                parts, reason.empty() ? R"("index":0)" : R"("finishReason":")" + reason + "\"")}),
            chat);
  if (a.failure.http_status == 0) return a.events.back();
  return a.failure.code + ((a.failure.flags & kTransient) ? " transient" : "") +
         (a.events.empty() ? "" : " begun");
}

TEST(GeminiResponse, EndsForEachReasonOfGemini) {
  const std::string text = R"({"text":"Hi"})", call = R"({"functionCall":{"id":"c","name":"f"}})";
  const std::vector<std::pair<std::string, std::string>> table = {
      {"STOP", "stop"},
      {"MAX_TOKENS", "length"},
      {"CONTINUATION", "length"},
      {"OTHER", "other"},
      {"IMAGE_OTHER", "other"},
      {"NO_IMAGE", "other"},
      {"FINISH_REASON_UNSPECIFIED", "other"},
      {"BRAND_NEW", "other"}};
  for (const auto& [reason, word] : table)
    EXPECT_EQ(ending(text, reason), "step-finish:" + word) << reason;
  for (const char* reason :
       {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "LANGUAGE", "ESCALATION", "MODEL_ARMOR"}) {
    EXPECT_EQ(ending(text, reason), "step-finish:content-filter") << reason;
    EXPECT_EQ(ending("", reason), "step-finish:content-filter") << reason;
  }
  EXPECT_EQ(ending(call, "STOP"), "step-finish:tool-calls");
  EXPECT_EQ(ending(call, "MAX_TOKENS"), "step-finish:length");
  EXPECT_EQ(ending(text + "," + call, "UNEXPECTED_TOOL_CALL"),
            "upstream_malformed transient");  // the page's call is kept from it
}

TEST(GeminiResponse, FailsForFinishReasonsOfFailures) {
  const std::string text = R"({"text":"Hi"})";
  for (const std::string reason :
       {"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL"}) {
    EXPECT_EQ(ending("", reason), "upstream_malformed transient");
    EXPECT_EQ(ending(text, reason), "upstream_malformed transient begun");
  }
  EXPECT_EQ(ending("", "TOO_MANY_TOOL_CALLS"), "upstream_error");
  EXPECT_EQ(ending("", "PUP_LIMITED_DISABLED"), "upstream_account_refused");
  EXPECT_EQ(ending("", ""), "upstream_unfinished transient");
  EXPECT_EQ(ending(text, ""), "upstream_unfinished transient begun");
}

TEST(GeminiResponse, FailsWhenItIsBlank) {
  EXPECT_EQ(ending("", "STOP"), "upstream_empty transient");
  EXPECT_EQ(ending(R"({"text":""})", "STOP"), "upstream_empty transient");
  EXPECT_EQ(ending(R"({"text":" \n"})", "STOP"), "upstream_empty transient begun");
  EXPECT_EQ(ending(R"({"text":"hm","thought":true})", "STOP"), "upstream_empty transient begun");
  EXPECT_EQ(
      ending(R"({"inlineData":{"mimeType":"image/png","data":"aGk="},"thought":true})", "STOP"),
      "upstream_empty transient");
  EXPECT_EQ(ending("", "OTHER"), "upstream_empty transient");
}

TEST(GeminiResponse, ReportsThatThinkingUsedUpTheTokens) {
  Gateway g;
  const Answer a = g.ask(sse({last("", "MAX_TOKENS")}),
                         R"({"model": "m", "messages": [], "max_output_tokens": 4000})");
  EXPECT_EQ(a.failure.code, "upstream_token_limit");
  EXPECT_EQ(a.failure.detail,
            "thinking used up max_output_tokens (4000): raise it, or lower `thinking`");
  EXPECT_EQ(a.failure.flags, 0u);
}

TEST(GeminiResponse, IsBlockedByThePromptWhateverFollows) {
  Gateway g;
  const std::string block = R"({"promptFeedback":{"blockReason":"OTHER"}})";
  EXPECT_EQ(g.answer({block}), (Events{"step-start", "step-finish:content-filter"}));
  EXPECT_EQ(g.answer({block, last(R"({"text":"Hi"})")}).back(), "step-finish:content-filter");
  EXPECT_EQ(g.answer({R"({"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}})",
                      last(R"({"text":"Hi"})")})
                .back(),
            "step-finish:stop");
}

TEST(GeminiResponse, MayHaveNothingToAddToAResultTheSecondTime) {
  struct Again final : Plugin {
    explicit Again(Plugin& gemini) : gemini_(gemini) {}
    Status handle(Exchange& x, Sink& out, Next& next) override {
      if (Status s = gemini_.handle(x, out, next); s)
        return Fail{500, "too_early", "It accepted a blank response at once.", {}};
      return gemini_.handle(x, out, next);
    }
    Plugin& gemini_;
  };
  Gateway g;
  Again again(g.gemini);
  for (int i = 0; i < 2; ++i) g.h.upstream.push(sse({last("")}));
  EXPECT_EQ(g.h.ask(again, kAfterResult).events, (Events{"step-start", "step-finish:stop"}));
}

TEST(GeminiResponse, LetsNoPageActOnACallThatGeminiDidNotExpect) {
  const std::string call = R"({"functionCall":{"id":"c","name":"default_api:read"}})";
  EXPECT_EQ(ending(call, "UNEXPECTED_TOOL_CALL",
                   R"({"model": "m", "messages": [], "tools": [{"name": "read"}]})"),
            "upstream_malformed transient");
  EXPECT_EQ(ending(call, "UNEXPECTED_TOOL_CALL",
                   R"({"model": "m", "messages": [], "tools": [{"name": "read"}], )"
                   R"("backend_tools": ["read"]})"),
            "step-finish:tool-calls");
}

// ---- As AI SDK 5 -------------------------------------------------------------------------------

TEST(GeminiResponse, CanEndAsAiSdk5Does) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"STOP", "stop"},
      {"MAX_TOKENS", "length"},
      {"SAFETY", "content-filter"},
      {"LANGUAGE", "other"},
      {"OTHER", "other"},
      {"MALFORMED_FUNCTION_CALL", "error"},
      {"MALFORMED_RESPONSE", "other"},
      {"BRAND_NEW", "other"}};
  for (const auto& [reason, word] : table) {
    Gateway g(R"("as_ai_sdk_5": true)");
    EXPECT_EQ(g.answer({last("", reason)}), (Events{"step-start", "step-finish:" + word}))
        << reason;
  }
  Gateway g(R"("as_ai_sdk_5": true)");
  EXPECT_EQ(g.answer({}), (Events{"step-start", "step-finish:other"}));
  EXPECT_EQ(g.answer({last(R"({"executableCode":{"code":"1"}})")}).back(),
            "step-finish:tool-calls");
  EXPECT_EQ(g.answer({R"({"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,)"
                      R"("thoughtsTokenCount":4,"toolUsePromptTokenCount":5}})"})
                .at(1),
            R"(usage:{"input_tokens":3,"output_tokens":2,"reasoning_tokens":4})");
  EXPECT_EQ(g.ask(sse({error(R"("code":500)")})).events, Events{"step-start"});
  EXPECT_EQ(
      g.h.metrics.at(R"(gen_ai_client_token_usage_sum{gen_ai_operation_name="chat",)"
                     R"(gen_ai_provider_name="gcp.gemini",)"
                     R"(gen_ai_request_model="gemini-2.5-flash",gen_ai_token_type="output"})"),
      6);
}

// ---- Continuation ------------------------------------------------------------------------------

/// An event after which the response continues from this token.
std::string part_of(const std::string& text, const std::string& token,
                    const std::string& reason = R"("finishReason":"CONTINUATION",)") {
  return with_parts(R"({"text":")" + text + "\"}",
                    reason + R"("continuationToken":")" + token + "\"");
}
std::string checkpoint(const std::string& text, const std::string& token) {
  return part_of(text, token, "");
}
std::string usage(int input, int output) {
  return R"({"usageMetadata":{"promptTokenCount":)" + std::to_string(input) +
         R"(,"candidatesTokenCount":)" + std::to_string(output) + "}}";
}

/// Requests a response that arrives in these replies.
Answer in_parts(Gateway& g, std::vector<Reply> replies) {
  for (Reply& r : replies) g.h.upstream.push(std::move(r));
  return g.h.ask(g.gemini, R"({"model": "gemini-4-argon", "messages": [{"role": "user", )"
                           R"("content": [{"type": "text", "text": "Hi"}]}]})");
}

TEST(GeminiResponse, ContinuesInFurtherRequests) {
  Gateway g;
  const Answer a = in_parts(
      g, {sse({part_of("one ", "T1"), usage(10, 5)}), sse({part_of("two ", "T2"), usage(15, 5)}),
          sse({last(R"({"text":"three"})"), usage(20, 1)})});
  EXPECT_EQ(a.events, (Events{"step-start", "text:one ", "text:two ", "text:three",
                              R"(usage:{"input_tokens":45,"output_tokens":11,"total_tokens":56})",
                              "step-finish:stop"}));
  EXPECT_EQ(g.h.upstream.requests.size(), 3u);
}

TEST(GeminiResponse, EndsWithLengthWhereItDoesNotContinue) {
  Gateway repeated, no_token, bounded(R"("continuation": {"max_hops": 1})"), refused;
  EXPECT_EQ(in_parts(repeated, {sse({part_of("a", "T")}), sse({part_of("b", "T")})}).events.back(),
            "step-finish:length");
  EXPECT_EQ(in_parts(no_token, {sse({last(R"({"text":"a"})", "CONTINUATION")})}).events.back(),
            "step-finish:length");
  EXPECT_EQ(in_parts(bounded, {sse({part_of("a", "T1")}), sse({part_of("b", "T2")})}).events.back(),
            "step-finish:length");
  EXPECT_EQ(in_parts(refused, {sse({part_of("a", "T1")}), reply(400, "")}).events,
            (Events{"step-start", "text:a", "step-finish:length"}));
}

TEST(GeminiResponse, ResumesAStreamThatBreaksOff) {
  Gateway g;
  const Answer a = in_parts(g, {broken(sse({checkpoint("one ", "T1")})), broken(sse({})),
                                sse({last(R"({"text":"two"})")})});
  EXPECT_EQ(a.events, (Events{"step-start", "text:one ", "text:two", "step-finish:stop"}));
  EXPECT_EQ(g.h.sleeps, (std::vector<std::chrono::nanoseconds>{
                            std::chrono::seconds(1)}));  // before the second retry in vain
}

TEST(GeminiResponse, GivesUpAStreamThatBringsNothingNew) {
  Gateway g(R"("continuation": {"max_hops": 100})");
  const Answer a = in_parts(g, {broken(sse({checkpoint("one ", "T1")})), broken(sse({})),
                                broken(sse({})), broken(sse({})), broken(sse({}))});
  EXPECT_EQ(a.failure.code, "upstream_broken");
  EXPECT_EQ(g.h.upstream.requests.size(), 5u);

  Gateway without_checkpoint;
  EXPECT_EQ(
      in_parts(without_checkpoint, {broken(sse({with_parts(R"({"text":"a"})")}))}).failure.code,
      "upstream_broken");
  Gateway after_more;  // than the last checkpoint: it would come twice
  EXPECT_EQ(in_parts(after_more,
                     {sse({part_of("a", "T1")}), broken(sse({with_parts(R"({"text":"b"})")}))})
                .failure.code,
            "upstream_broken");
}

TEST(GeminiResponse, DoesNotContinueForAClientThatHasLeft) {
  Gateway g;
  g.h.upstream.push(sse({part_of("one ", "T1")}));
  Request request("POST", "/api/chat");
  request.chat = R"({"model": "gemini-4-argon", "messages": []})";
  request.leaves_after = 1;
  EXPECT_EQ(g.h.run(g.gemini, request).code, GH_STOP);
  EXPECT_EQ(g.h.upstream.requests.size(), 1u);
}

}  // namespace
}  // namespace gatehouse::plugins::gemini
