#include "gemini.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using namespace testing;

constexpr View kKey = "AIza-secret-key";
constexpr View kHello = R"({"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]})";

/// A gateway whose only plugin is gemini.
struct Gateway {
  Harness h;
  Gemini gemini{h.host(), h.config(R"({"api_key": "AIza-secret-key", "base_url": "http://gemini.example/v1beta", "idle_timeout": "7s"})")};

  Answer ask(Reply reply, View chat = kHello) {
    h.upstream.push(std::move(reply));
    return h.ask(gemini, chat);
  }
  /// What the answer becomes, when it comes as these GenerateContentResponses.
  Events answer(const std::vector<std::string>& responses) { return ask(sse(responses)).events; }
};

/// A GenerateContentResponse; `rest`: more members of its candidate.
std::string with_parts(const std::string& parts, const std::string& rest = R"("index":0)") {
  return R"({"candidates":[{"content":{"role":"model","parts":[)" + parts + "]}," + rest + "}]}";
}

// ---- The request -----------------------------------------------------------------------------------------------------

TEST(Gemini, SendsTheKeyInAHeaderOnly) {
  Gateway g;
  g.ask(sse({}));

  const Upstream::Sent& sent = g.h.upstream.requests.at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.base_url, "http://gemini.example/v1beta");
  EXPECT_EQ(sent.path, "/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
  EXPECT_EQ(sent.header("x-goog-api-key"), kKey);
  EXPECT_EQ(sent.header("content-type"), "application/json");
  EXPECT_EQ(sent.body.find(kKey), std::string::npos);
}

TEST(Gemini, WaitsAsLongAsConfigured) {
  Gateway g;
  g.ask(sse({}));

  const Upstream::Sent& sent = g.h.upstream.requests.at(0);
  EXPECT_EQ(sent.connect, std::chrono::seconds(5));
  EXPECT_EQ(sent.first_byte, std::chrono::seconds(60));
  EXPECT_EQ(sent.idle, std::chrono::seconds(7));
}

TEST(Gemini, SaysAtTheStartWhereAnswersComeFrom) {
  Gateway g;
  EXPECT_EQ(g.h.logs, (std::vector<std::string>{"info: answers come from gemini at http://gemini.example/v1beta"}));
}

TEST(Gemini, RefusesModelNamesThatLeaveThePath) {
  Gateway g;
  for (const char* name : {"", "../files", "a/b", "m:generateContent?key=1#", "m%2f", "m\\r\\nx: y", "m ", "м"}) {
    const Answer a = g.h.ask(g.gemini, R"({"messages": [], "model": ")" + std::string(name) + "\"}");
    EXPECT_EQ(a.failure.code, "invalid_model") << name;
    EXPECT_EQ(a.status, 400) << name;
  }
  EXPECT_TRUE(g.h.upstream.requests.empty());
}

// ---- The answer ------------------------------------------------------------------------------------------------------

TEST(Gemini, PassesTextOnAsItComes) {
  Gateway g;
  const Answer a = g.ask(
      sse({with_parts(R"({"text":"one "},{"text":""},{"text":"two "})"), with_parts(R"({"text":"three"})", R"("finishReason":"STOP")"),
           R"({"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":9,"thoughtsTokenCount":4}})"}));
  EXPECT_EQ(a.events, (Events{"step-start", "text:one ", "text:two ", "text:three",
                              R"(usage:{"input_tokens":3,"output_tokens":2,"total_tokens":9,"reasoning_tokens":4})", "step-finish:stop"}));
  EXPECT_EQ(a.notes, R"({"model":"gemini-2.5-flash"})");
}

TEST(Gemini, TellsThoughtsFromTextAndKeepsSignatures) {
  Gateway g;
  EXPECT_EQ(g.answer({with_parts(
                R"({"text":"hm","thought":true,"thoughtSignature":"a"},{"text":"Hi"},{"text":"","thought":true,"thoughtSignature":"b"})")}),
            (Events{"step-start", R"(reasoning:hm @{"google":{"thoughtSignature":"a"}})", "text:Hi",
                    R"(text: @{"google":{"thoughtSignature":"b"}})", "step-finish:unknown"}));
}

TEST(Gemini, PutsCallsBehindTheTextOfTheirEvent) {
  Gateway g;
  EXPECT_EQ(g.answer({with_parts(R"({"text":"a"},{"functionCall":{"id":"c1","name":"open","args":{"n":1}},"thoughtSignature":"s"},)"
                                 R"({"text":"b"},{"functionCall":{"id":"c2","name":"read"}})",
                                 R"("finishReason":"STOP")")}),
            (Events{"step-start", "text:a", "text:b", "tool-input-start:c1:open", R"(tool-input-delta:c1:{"n":1})",
                    R"(tool-call:c1:open:{"n":1} @{"google":{"thoughtSignature":"s"}})", "tool-input-start:c2:read",
                    "tool-input-delta:c2:{}", "tool-call:c2:read:{}", "step-finish:tool-calls"}));
}

TEST(Gemini, GivesCallsWithoutAnIdOneOfTheirOwn) {
  Gateway g;
  const Events events = g.answer({with_parts(R"({"functionCall":{"name":"f"}},{"functionCall":{"name":"f"}})")});
  const std::string first = events.at(1).substr(17, 16);
  const std::string second = events.at(4).substr(17, 16);
  EXPECT_NE(first, second);
  EXPECT_EQ(events, (Events{"step-start", "tool-input-start:" + first + ":f", "tool-input-delta:" + first + ":{}",
                            "tool-call:" + first + ":f:{}", "tool-input-start:" + second + ":f", "tool-input-delta:" + second + ":{}",
                            "tool-call:" + second + ":f:{}", "step-finish:unknown"}));
}

TEST(Gemini, ShowsCodeThatGeminiRan) {
  Gateway g;
  const Events events =
      g.answer({with_parts(R"({"executableCode":{"language":"PYTHON","code":"6*7"}})"),
                with_parts(R"({"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"42"}})", R"("finishReason":"STOP")")});
  const std::string id = events.at(1).substr(View("tool-call+provider-executed:").size(), 16);
  EXPECT_EQ(events,
            (Events{"step-start", "tool-call+provider-executed:" + id + R"(:code_execution:{"language":"PYTHON","code":"6*7"})",
                    "tool-output+provider-executed:" + id + R"(:{"outcome":"OUTCOME_OK","output":"42"})", "step-finish:tool-calls"}));
}

TEST(Gemini, NamesEachSourceOnceAndOnlyWebPages) {
  Gateway g;
  const std::string event =
      with_parts(R"({"text":"t"})", R"("groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a","title":"A"}},)"
                                    R"({"image":{"sourceUri":"https://i"}},{"retrievedContext":{"uri":"gs://b/c.pdf"}},)"
                                    R"({"maps":{"uri":"https://m"}},{"web":{"uri":"javascript:x"}}]})");
  Events events = g.answer({event, event});
  for (std::string& e : events) {
    if (e.substr(0, 7) == "source:") e.replace(7, 16, "ID");
  }
  EXPECT_EQ(events, (Events{"step-start", "source:ID:A:https://a", "source:ID::https://i", "source:ID::https://m", "text:t", "text:t",
                            "step-finish:unknown"}));
}

TEST(Gemini, PassesFilesOn) {
  Gateway g;
  EXPECT_EQ(g.answer({with_parts(R"({"inlineData":{"mimeType":"image/png","data":"aGk="}})")}),
            (Events{"step-start", "file:image/png:aGk=", "step-finish:unknown"}));
}

TEST(Gemini, TakesTheLastUsageAsAWhole) {
  Gateway g;
  EXPECT_EQ(g.answer({R"({"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1}})",
                      R"({"usageMetadata":{"promptTokenCount":8,"cachedContentTokenCount":5}})", R"({"candidates":[]})"}),
            (Events{"step-start", R"(usage:{"input_tokens":8,"cached_input_tokens":5})", "step-finish:unknown"}));
}

TEST(Gemini, MapsReasonsToFinish) {
  const std::vector<std::pair<std::string, std::string>> table = {{"STOP", "stop"},
                                                                  {"MAX_TOKENS", "length"},
                                                                  {"SAFETY", "content-filter"},
                                                                  {"SPII", "content-filter"},
                                                                  {"OTHER", "other"},
                                                                  {"MALFORMED_FUNCTION_CALL", "error"},
                                                                  {"LANGUAGE", "unknown"},
                                                                  {"RECITATION", "content-filter"}};
  for (const auto& [reason, expected] : table) {
    Gateway g;
    EXPECT_EQ(g.answer({R"({"candidates":[{"finishReason":")" + reason + "\"}]}"}), (Events{"step-start", "step-finish:" + expected}));
  }
  Gateway g;
  EXPECT_EQ(g.answer({R"({"promptFeedback":{"blockReason":"OTHER"}})"}).back(), "step-finish:content-filter");
  EXPECT_EQ(g.answer({R"({"candidates":[{"index":0}],"promptFeedback":{"blockReason":"SAFETY"}})"}).back(), "step-finish:content-filter");
  EXPECT_EQ(g.answer({}).back(), "step-finish:unknown");
}

// ---- Failures --------------------------------------------------------------------------------------------------------

std::string error(const std::string& members) { return R"({"error":{)" + members + "}}"; }

TEST(Gemini, TellsFailuresApart) {
  struct Row {
    int status;
    std::string body, code, detail;
    int http_status = 502;
  };
  const std::vector<Row> table = {
      {400, error(R"("status":"INVALID_ARGUMENT","message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}])"),
       "upstream_key_refused", "HTTP 400: INVALID_ARGUMENT: API key not valid."},
      {403, error(R"("status":"PERMISSION_DENIED")"), "upstream_key_refused", "HTTP 403: PERMISSION_DENIED"},
      {429, error(R"("status":"RESOURCE_EXHAUSTED","message":"Quota")"), "upstream_rate_limited", "HTTP 429: RESOURCE_EXHAUSTED: Quota",
       429},
      {503, error(R"("status":"UNAVAILABLE")"), "upstream_unavailable", "HTTP 503: UNAVAILABLE", 503},
      {404, error(R"("status":"NOT_FOUND")"), "upstream_model_unknown", "HTTP 404: NOT_FOUND"},
      {400, "[" + error(R"("status":"INVALID_ARGUMENT","message":"wrapped")") + "]", "upstream_refused",
       "HTTP 400: INVALID_ARGUMENT: wrapped"},
      {502, "<html><h1>Bad gateway</h1></html>", "upstream_error", "HTTP 502"},
      {408, "", "upstream_error", "HTTP 408"},
      {409, "", "upstream_error", "HTTP 409"},
      {302, "", "upstream_malformed", "HTTP 302"},
      {500, "[]", "upstream_error", "HTTP 500"},
      {500, R"({"error":"text"})", "upstream_error", "HTTP 500"},
  };
  for (const Row& row : table) {
    Gateway g;
    const Answer a = g.ask(reply(row.status, row.body));
    EXPECT_EQ(a.failure.code, row.code) << row.body;
    EXPECT_EQ(a.failure.detail, row.detail) << row.body;
    EXPECT_EQ(a.failure.http_status, row.http_status) << row.body;
    EXPECT_TRUE(a.events.empty()) << row.body;
    const std::string fields = " {\"code\":\"" + row.code + "\",\"detail\":\"" + row.detail + "\"}";
    const bool bad_key = row.code == "upstream_key_refused";
    EXPECT_EQ(g.h.logs.back(), (bad_key ? "error: gemini refuses the API key: correct api_key" : "warn: no answer from gemini") + fields);
  }
}

TEST(Gemini, EndsAnAnswerAtTheFirstEventThatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {error(R"("code":503,"status":"UNAVAILABLE")"), "upstream_unavailable"},
      {error(R"("status":"INTERNAL")"), "upstream_error"},
      {R"({"candidates": [{)", "upstream_malformed"},
      {"[]", "upstream_malformed"},
      {R"({"candidates": "none"})", "upstream_malformed"},
      {R"({"candidates": [1]})", "upstream_malformed"},
      {R"({"candidates": [{"content": []}]})", "upstream_malformed"},
      {R"({"candidates": [{"content": {"parts": {}}}]})", "upstream_malformed"},
      {with_parts(R"({"text": 1})"), "upstream_malformed"},
      {with_parts(R"({"functionCall": {"args": {}}})"), "upstream_malformed"},
  };
  for (const auto& [event, code] : table) {
    Gateway g;
    const Answer a = g.ask(sse({with_parts(R"({"text":"Good"})"), event, with_parts(R"({"text":"late"})")}));
    EXPECT_EQ(a.events, (Events{"step-start", "text:Good"})) << event;
    EXPECT_EQ(a.failure.code, code) << event;
    EXPECT_TRUE(g.h.upstream.requests[0].closed) << event;
  }
}

TEST(Gemini, IgnoresWhatItDoesNotKnow) {
  Gateway g;
  EXPECT_EQ(
      g.answer({with_parts(R"({"hologram":{}},{"inlineData":{}},{"executableCode":1},{"codeExecutionResult":{}},{"functionCall":null},7)"),
                R"({"error":null,"candidates":[null],"usageMetadata":null})"}),
      (Events{"step-start", "step-finish:unknown"}));
}

TEST(Gemini, RefusesAPageThatIsNoStream) {
  Gateway g;
  const Answer a = g.ask(reply(200, "<html>Log in</html>", {{"Content-Type", "text/html"}}));
  EXPECT_EQ(a.failure.code, "upstream_malformed");
  EXPECT_TRUE(a.events.empty());
}

TEST(Gemini, ReportsAnAnswerThatBreaksOff) {
  Gateway g;
  const Answer a = g.ask(broken(sse({with_parts(R"({"text":"Half"})")})));
  EXPECT_EQ(a.events, (Events{"step-start", "text:Half"}));
  EXPECT_EQ(a.failure.code, "upstream_broken");
}

TEST(Gemini, BeginsNoStepBeforeTheFirstEvent) {
  Gateway g;
  const Answer a = g.ask(broken(sse({})));
  EXPECT_EQ(a.failure.code, "upstream_broken");
  EXPECT_TRUE(a.events.empty());
}

TEST(Gemini, TellsWhenItMayBeAskedAgain) {
  using namespace std::chrono_literals;
  const std::string info = error(R"("details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure"},
                                               {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.5s"}])");
  struct Row {
    Headers headers;
    std::string body;
    std::chrono::nanoseconds expected;
  };
  const std::vector<Row> table = {
      {{{"Retry-After-Ms", "60"}, {"Retry-After", "7"}}, info, 60ms},
      {{{"Retry-After-Ms", "soon"}, {"Retry-After", "7"}}, info, 7s},
      {{{"Retry-After", "0"}}, info, 1ns},
      {{{"Retry-After", "Wed, 01 Jan 2025 00:00:30 GMT"}}, info, 30s},
      {{{"Retry-After", "Tue, 31 Dec 2024 23:59:59 GMT"}}, info, 1ns},
      {{{"Retry-After", "Mon, 01 Jan 0001 00:00:00 GMT"}}, info, 1ns},
      {{{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"}}, info, 24h},
      {{{"Retry-After", "99999999999999999999"}}, info, 24h},
      {{}, info, 3500ms},
      {{}, "[" + info + "]", 3500ms},
      {{{"Retry-After", "-5"}}, "", 0ns},
      {{{"Retry-After", "nan"}}, "", 0ns},
      {{{"Retry-After", "Wed, 21 Okt 2015 07:28:00 GMT"}}, "", 0ns},
      {{{"Retry-After", "21 Oct 2015"}}, "", 0ns},
      {{}, error(R"("details":[{"retryDelay":"soon"}])"), 0ns},
      {{}, error(R"("details":[{"retryDelay":"3m"}])"), 0ns},
      {{}, error(R"("details":[{"retryDelay":3}])"), 0ns},
      {{}, "", 0ns},
  };
  for (const Row& row : table) {
    Gateway g;
    const std::string header = row.headers.empty() ? row.body : row.headers.back().second;
    EXPECT_EQ(g.ask(reply(429, row.body, row.headers)).failure.retry_after, row.expected) << header;
  }
}

TEST(Gemini, KeepsTheKeyAndLongTextsOutOfTheLog) {
  Gateway g;
  const Answer a =
      g.ask(reply(403, error(R"("message":"Consumer 'api_key:)" + std::string(kKey) + R"(' )" + std::string(600, 'x') + "\"")));
  EXPECT_EQ(a.failure.detail.substr(0, 39), "HTTP 403: Consumer 'api_key:[key]' xxxx");
  EXPECT_EQ(a.failure.detail.size(), 500u);
  for (const std::string& line : g.h.logs) EXPECT_EQ(line.find(kKey), std::string::npos) << line;
  EXPECT_EQ(g.h.health.find(kKey), std::string::npos);
}

TEST(Gemini, CutsDetailsBetweenCharacters) {
  Gateway g;
  std::string umlauts;
  for (int i = 0; i < 400; ++i) umlauts += "ü";
  EXPECT_EQ(g.ask(reply(500, error(R"("message":"x)" + umlauts + "\""))).failure.detail.size(), 499u);
}

TEST(Gemini, ReadsNoMoreOfAnErrorThanItNeeds) {
  Gateway g;
  Reply endless = reply(500, std::string(64 * 1024, ' '));
  endless.pieces.push_back(error(R"("message":"late")"));
  EXPECT_EQ(g.ask(endless).failure.detail, "HTTP 500");
  EXPECT_FALSE(g.h.upstream.requests[0].read_to_end);
}

TEST(Gemini, ShowsItsHealth) {
  Gateway g;
  EXPECT_EQ(g.h.health, "up");
  g.ask(no_reply({504, "upstream_timeout", "The upstream did not answer in time.", {}}));
  EXPECT_EQ(g.h.health, "degraded: The upstream did not answer in time.");
  g.ask(sse({}));
  EXPECT_EQ(g.h.health, "up");
  g.ask(reply(400, error(R"("status":"INVALID_ARGUMENT")")));
  EXPECT_EQ(g.h.health, "up");
  g.ask(reply(403, ""));
  EXPECT_EQ(g.h.health, "down: the API key is refused");
}

TEST(Gemini, TakesNoBlameForAPluginThatWatchesTheAnswer) {
  struct Watcher final : Plugin, Sink {
    explicit Watcher(Plugin& gemini) : gemini_(gemini) {}
    Status handle(Exchange& x, Sink&, Next& next) override { return gemini_.handle(x, *this, next); }
    Status emit(Event) override { return Fail{500, "watcher_broken", "The watcher failed.", {}}; }
    Plugin& gemini_;
  };
  Gateway g;
  Watcher watcher(g.gemini);
  g.h.upstream.push(sse({}));

  EXPECT_EQ(g.h.ask(watcher, kHello).failure.code, "watcher_broken");
  EXPECT_EQ(g.h.health, "up");
}

TEST(Gemini, StopsWhenTheClientLeaves) {
  Gateway g;
  g.h.upstream.push(sse({with_parts(R"({"text":"a"})"), with_parts(R"({"text":"b"})"), with_parts(R"({"text":"c"})")}));
  Request request("POST", "/api/chat");
  request.chat = kHello;
  request.leaves_after = 2;

  const Answer a = g.h.run(g.gemini, request);
  EXPECT_EQ(a.code, GH_STOP);
  EXPECT_EQ(a.events, (Events{"step-start", "text:a"}));
  EXPECT_TRUE(g.h.upstream.requests[0].closed);
  EXPECT_FALSE(g.h.upstream.requests[0].read_to_end);
  EXPECT_EQ(g.h.health, "up");
  EXPECT_EQ(g.h.logs.size(), 1u);  // that of the start
}

// ---- The probe -------------------------------------------------------------------------------------------------------

TEST(Gemini, AsksForItsModelsWhenNoChatHasToldHowItIs) {
  Gateway g;
  g.h.upstream.push(reply(200, R"({"models":[]})"));
  g.h.run_background(0, 1);

  const Upstream::Sent& sent = g.h.upstream.requests.at(0);
  EXPECT_EQ(sent.method, "GET");
  EXPECT_EQ(sent.path, "/models?pageSize=1");
  EXPECT_EQ(sent.header("x-goog-api-key"), kKey);
  EXPECT_EQ(g.h.sleeps.at(0), std::chrono::seconds(60));
  EXPECT_TRUE(sent.read_to_end);  // its connection can be used again
  EXPECT_EQ(g.h.health, "up");
}

TEST(Gemini, TellsItsHealthFromTheProbe) {
  const std::vector<std::pair<Reply, std::string>> table = {
      {reply(400, error(R"("details":[{"reason":"API_KEY_INVALID"}])")), "down: the API key is refused"},
      {reply(401, ""), "down: the API key is refused"},
      {reply(503, ""), "degraded: Gemini is overloaded at the moment; try again."},
      {reply(404, ""), "degraded: Gemini refuses to list its models; base_url may be wrong."},
      {reply(400, ""), "degraded: Gemini refuses to list its models; base_url may be wrong."},
      {no_reply({504, "upstream_timeout", "The upstream did not answer in time.", {}}), "degraded: The upstream did not answer in time."},
      {{0, {}, {}, GH_STOP, {}}, "up"},  // the instance ends
  };
  for (const auto& [answer, health] : table) {
    Gateway g;
    g.h.upstream.push(answer);
    g.h.upstream.push(reply(200, "{}"));
    g.h.run_background(0, 1);
    EXPECT_EQ(g.h.health, health);
    g.h.run_background(0, 1);
    EXPECT_EQ(g.h.health, "up");
  }
}

TEST(Gemini, DoesNotProbeWhileChatsTellHowItIs) {
  for (const Reply& chat : {sse({}), reply(500, ""), reply(400, "")}) {
    Gateway g;
    g.ask(chat);
    g.h.run_background(0, 1);
    EXPECT_EQ(g.h.upstream.requests.size(), 1u);
    g.h.run_background(0, 1);
    EXPECT_EQ(g.h.upstream.requests.size(), 2u);
  }
}

TEST(Gemini, ProbesAsOftenAsConfigured) {
  Harness h;
  Gemini often(h.host(), h.config(R"({"api_key": "k", "base_url": "http://g", "probe_interval": "5s"})"));
  h.run_background(0, 3);
  EXPECT_EQ(h.upstream.requests.size(), 3u);

  Harness none;
  Gemini never(none.host(), none.config(R"({"api_key": "k", "base_url": "http://g", "probe_interval": false})"));
  EXPECT_THROW(none.run_background(), std::out_of_range);
}

TEST(Gemini, RefusesToProbeWithoutAPause) {
  Harness h;
  Gemini gemini(h.host(), h.config(R"({"api_key": "k", "base_url": "http://g", "probe_interval": "0s"})"));
  EXPECT_EQ(h.problems, Events{"/probe_interval: must be at least 1s; false turns the probe off"});
}

// ---- Metrics ---------------------------------------------------------------------------------------------------------

TEST(Gemini, CountsCallsTheirTimesAndTokens) {
  Gateway g;
  g.ask(sse({R"({"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"thoughtsTokenCount":4}})"}));
  g.ask(sse({R"({"usageMetadata":{"candidatesTokenCount":5}})", error(R"("code":500)")}));

  const std::string call = R"(gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-2.5-flash")";
  EXPECT_EQ(g.h.metrics.at(R"(gatehouse_upstream_requests_total{provider="gemini",model="gemini-2.5-flash",code="200"})"), 2);
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_operation_duration_seconds_count{" + call + R"(,error_type=""})"), 1);
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_operation_duration_seconds_count{" + call + R"(,error_type="upstream_error"})"), 1);
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_operation_time_to_first_chunk_seconds_count{" + call + "}"), 2);
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_token_usage_sum{" + call + R"(,gen_ai_token_type="input"})"), 3);
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_token_usage_sum{" + call + R"(,gen_ai_token_type="output"})"), 11);
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_token_usage_count{" + call + R"(,gen_ai_token_type="input"})"), 1);
}

TEST(Gemini, CountsCallsByWhatCameOfThem) {
  Gateway g;
  g.ask(reply(429, ""));
  g.ask(no_reply({504, "upstream_timeout", "The upstream did not answer in time.", {}}));
  g.h.upstream.push({0, {}, {}, GH_STOP, {}});  // the client leaves before the head
  g.h.ask(g.gemini, kHello);

  for (const char* code : {"429", "upstream_timeout", "cancelled"}) {
    EXPECT_EQ(g.h.metrics.count(R"(gatehouse_upstream_requests_total{provider="gemini",model="gemini-2.5-flash",code=")" +
                                std::string(code) + "\"}"),
              1u)
        << code;
  }
  for (const auto& [series, value] : g.h.metrics) EXPECT_EQ(series.find("first_chunk"), std::string::npos) << series;
}

TEST(Gemini, TimesCallsInSeconds) {
  struct Slow final : Plugin, Sink {
    Slow(Harness& harness, Plugin& plugin) : h(harness), gemini(plugin) {}
    Status handle(Exchange& x, Sink&, Next& next) override { return gemini.handle(x, *this, next); }
    Status emit(Event) override {
      h.advance(std::chrono::milliseconds(500));
      return {};
    }
    Harness& h;
    Plugin& gemini;
  };
  Gateway g;
  Slow slow(g.h, g.gemini);
  g.h.upstream.push(sse({with_parts(R"({"text":"Hi"})")}));
  g.h.ask(slow, kHello);

  const std::string model = R"({gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-2.5-flash")";
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_operation_time_to_first_chunk_seconds_sum" + model + "}"), 0);
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_operation_duration_seconds_sum" + model + R"(,error_type=""})"), 1.5);  // three events
}

}  // namespace
}  // namespace gatehouse
