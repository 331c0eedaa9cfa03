#include "gemini.h"

#include <gtest/gtest.h>

#include "gemini_testing.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace gemini_testing;

// ---- The request -------------------------------------------------------------------------------

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

// ---- Counting tokens ---------------------------------------------------------------------------

constexpr View kCount = R"({"model": "gemini-2.5-flash", "count_only": true,)"
                        R"( "must": ["count_only"], "max_output_tokens": 9, "temperature": 0.5,)"
                        R"( "system": [{"type": "text", "text": "S"}],)"
                        R"( "tools": [{"name": "a"}], "tool_choice": {"mode": "required"},)"
                        R"( "messages": [{"role": "user", "content":)"
                        R"( [{"type": "text", "text": "Hi"}]}]})";

TEST(Gemini, CountsTokensWithoutAModelThatResponds) {
  Gateway g;
  const Answer a = g.ask(reply(200, R"({"totalTokens": 42})"), kCount);
  EXPECT_EQ(a.events, (Events{"step-start", R"(usage:{"input_tokens":42})", "step-finish:stop"}));
  const auto& sent = g.h.upstream.requests.at(0);
  EXPECT_EQ(sent.path, "/models/gemini-2.5-flash:countTokens");
  EXPECT_EQ(sent.header("x-goog-api-key"), kKey);
  EXPECT_EQ(sent.body, R"({"generateContentRequest":{"model":"models/gemini-2.5-flash",)"
                       R"("contents":[{"role":"user","parts":[{"text":"Hi"}]}],)"
                       R"("systemInstruction":{"parts":[{"text":"S"}]},)"
                       R"("tools":[{"functionDeclarations":[{"name":"a","description":""}]}]}})");
}

TEST(Gemini, FailsWhereNoTokensWereCounted) {
  const auto code = [](Reply reply) {
    Gateway g;
    return g.ask(std::move(reply), kCount).failure.code;
  };
  EXPECT_EQ(code(reply(429, "{}")), "upstream_rate_limited");
  EXPECT_EQ(code(reply(200, "[]")), "upstream_malformed");
  EXPECT_EQ(code(broken(reply(200, "{"))), "upstream_broken");
}

// ---- Several keys ------------------------------------------------------------------------------

struct Keys : Harness {
  explicit Keys(const char* list)
      : gemini(host(),
               config(std::string(R"({"base_url": "http://g", "api_key": )") + list + "}")) {}
  Answer chat(std::vector<Reply> replies) {
    for (Reply& r : replies) upstream.push(std::move(r));
    return ask(gemini, kHello);
  }
  std::string used() const {
    std::string all;
    for (const Upstream::Sent& sent : upstream.requests) all += sent.header("x-goog-api-key") + ' ';
    return all;
  }
  Gemini gemini;
};
const Reply kWords = sse({last(R"({"text":"Hi"})")});
Reply limited(const char* seconds = nullptr) {
  return reply(429, error(R"("status":"RESOURCE_EXHAUSTED")"),
               seconds ? Headers{{"Retry-After", seconds}} : Headers());
}

TEST(Gemini, UsesKeysInTurn) {
  Keys g(R"(["a", "b", "c"])");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(g.chat({kWords}).text, "Hi");
  EXPECT_EQ(g.used(), "a b c a ");
}

TEST(Gemini, ALimitedKeyRestsAndTheNextOneTakesItsRequest) {
  using namespace std::chrono_literals;
  Keys g(R"(["a", "b"])");
  EXPECT_EQ(g.chat({limited("20"), kWords}).text, "Hi");
  EXPECT_EQ(g.chat({kWords}).text, "Hi");
  EXPECT_EQ(g.used(), "a b b ");
  g.advance(20s);
  (void)g.chat({kWords});
  (void)g.chat({kWords});
  EXPECT_EQ(g.used().size(), 10u);
  EXPECT_NE(g.used().find('a', 4), std::string::npos) << "a is used again: " << g.used();
  const std::string logged = R"(warn: key 1 of 2 of `api_key` rests )"
                             R"({"code":"upstream_rate_limited","rests_s":20})";
  EXPECT_EQ(std::count(g.logs.begin(), g.logs.end(), logged), 1);
  const std::string until = "gatehouse_upstream_key_rests_until_timestamp_seconds{plugin=\"test\",";
  EXPECT_EQ(g.metrics.at(until + "key=\"1\"}"), 1735689620);  // 20 s after the harness began
  EXPECT_EQ(g.metrics.at(until + "key=\"2\"}"), 0) << "it has not rested";
}

TEST(Gemini, ARejectedKeyOfSeveralDegradesTheHealthOnly) {
  Keys g(R"(["bad", "good"])");
  EXPECT_EQ(g.chat({reply(401, error(R"("status":"UNAUTHENTICATED")")), kWords}).text, "Hi");
  EXPECT_EQ(g.used(), "bad good ");
}

TEST(Gemini, WhenAllKeysAreLimitedTheClientGetsTheLastFailure) {
  Keys g(R"(["a", "b"])");
  const Answer a = g.chat({limited("9"), limited("5")});
  EXPECT_EQ(a.failure.code, "upstream_rate_limited");
  EXPECT_EQ(a.header("Retry-After"), "5");
  EXPECT_EQ(g.chat({kWords}).text, "Hi");
  EXPECT_EQ(g.used(), "a b b ") << "the one that rests for the shortest time";
}

TEST(Gemini, AFailureThatIsNotTheKeysIsNotTriedWithAnotherKey) {
  Keys g(R"(["a", "b"])");
  EXPECT_EQ(g.chat({reply(500, "{}")}).failure.code, "upstream_error");
  EXPECT_EQ(g.used(), "a ");
}

TEST(Gemini, WaitsAsLongAsTheModelThinksUnlessConfigured) {
  using namespace std::chrono_literals;
  const auto first_byte = [](Gateway& g, View model) {
    g.ask(sse({}), R"({"messages": [], "model": ")" + std::string(model) + "\"}");
    return g.h.upstream.requests.back().first_byte;
  };
  Gateway g, configured(R"("first_byte_timeout": "90s", "idle_timeout": "7s")");
  EXPECT_EQ(first_byte(g, "gemini-3.8-flash"), 300s);
  EXPECT_EQ(first_byte(g, "gemini-4-argon"), 20min);
  EXPECT_EQ(first_byte(configured, "gemini-4-argon"), 90s);
  EXPECT_EQ(g.h.upstream.requests.at(0).connect, 5s);
  EXPECT_EQ(g.h.upstream.requests.at(0).idle, 300s);
  EXPECT_EQ(configured.h.upstream.requests.at(0).idle, 7s);
}

TEST(Gemini, LogsAtTheStartWhereResponsesComeFrom) {
  Gateway g;
  EXPECT_EQ(g.h.logs,
            (std::vector<std::string>{
                "info: model responses come from Gemini at http://gemini.example/v1beta"}));
}

TEST(Gemini, RejectsModelNamesThatLeaveThePath) {
  Gateway g;
  for (const char* name :
       {"", "../files", "a/b", "m:generateContent?key=1#", "m%2f", "m\\r\\nx: y", "m ", "м"}) {
    const Answer a =
        g.h.ask(g.gemini, R"({"messages": [], "model": ")" + std::string(name) + "\"}");
    EXPECT_EQ(a.failure.code, "invalid_model") << name;
    EXPECT_EQ(a.status, 400) << name;
  }
  EXPECT_TRUE(g.h.upstream.requests.empty());
}

TEST(Gemini, WarnsOfWhatItDoesNotHonourBeforeTheFirstStep) {
  const auto chat = [](const std::string& more) {
    return R"({"model": "gemini-2.5-flash", "messages": [], "presence_penalty": 1)" + more + "}";
  };
  const std::string why = "`presence_penalty` is not honoured: the model does not accept it.";
  Gateway g;
  g.h.upstream.push(sse({last(R"({"text":"Hi"})")}));
  EXPECT_EQ(
      g.h.ask(g.gemini, chat("")).events,
      (Events{"warning:presence_penalty:" + why, "step-start", "text:Hi", "step-finish:stop"}));

  const Answer a = g.h.ask(g.gemini, chat(R"(, "must": ["presence_penalty"])"));
  EXPECT_EQ(a.failure.code, "unsupported_parameter");
  EXPECT_EQ(a.failure.message, why);
  EXPECT_EQ(g.h.upstream.requests.size(), 1u) << "the second chat costs nothing";
}

TEST(Gemini, RejectsPartsThatItDoesNotKnow) {
  Gateway g;
  const Answer a = g.h.ask(g.gemini, R"({"model": "gemini-2.5-flash", "messages": [
      {"role": "user", "content": [{"type": "hologram"}]}]})");
  EXPECT_EQ(a.status, 400);
  EXPECT_EQ(a.failure.code, "unsupported");
  EXPECT_TRUE(g.h.upstream.requests.empty());
}

// ---- Failures ----------------------------------------------------------------------------------

TEST(Gemini, LogsErrorsOfGemini) {
  const std::vector<std::tuple<int, std::string, std::string>> table = {
      {503, error(R"("status":"UNAVAILABLE","message":"Busy.")"), "HTTP 503: UNAVAILABLE: Busy."},
      {400, "[" + error(R"("status":"INVALID_ARGUMENT","message":"wrapped")") + "]",
       "HTTP 400: INVALID_ARGUMENT: wrapped"},
      {400, error(R"("status":"X","message":"m","details":[{"reason":"R"}])"), "HTTP 400: X: R: m"},
      {502, "<html><h1>Bad gateway</h1></html>", "HTTP 502"},
      {302, "", "HTTP 302"},
      {500, "[]", "HTTP 500"},
      {500, R"({"error":"text"})", "HTTP 500"},
  };
  for (const auto& [status, body, detail] : table) {
    Gateway g;
    const Answer a = g.ask(reply(status, body));
    EXPECT_EQ(a.failure.detail, detail);
    EXPECT_TRUE(a.events.empty());
    EXPECT_TRUE(g.logged("warn: model request failed")) << body;
    EXPECT_TRUE(g.logged(R"({"model":"gemini-2.5-flash","code":")" + a.failure.code +
                         R"(","detail":")" + detail + "\"}"))
        << body;
  }
}

TEST(Gemini, EndsAResponseAtTheFirstMalformedEvent) {
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
    const Answer a =
        g.ask(sse({with_parts(R"({"text":"Good"})"), event, with_parts(R"({"text":"late"})")}));
    EXPECT_EQ(a.events, (Events{"step-start", "text:Good"})) << event;
    EXPECT_EQ(a.failure.code, code) << event;
    EXPECT_TRUE(g.h.upstream.requests[0].closed) << event;
  }
}

TEST(Gemini, RejectsAPageInPlaceOfAStream) {
  Gateway g;
  const Answer a = g.ask(reply(200, "<html>Log in</html>", {{"Content-Type", "text/html"}}));
  EXPECT_EQ(a.failure.code, "upstream_malformed");
  EXPECT_TRUE(a.events.empty());
}

TEST(Gemini, ReportsAResponseThatBreaksOff) {
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

TEST(Gemini, ReportsWhenToRetry) {
  using namespace std::chrono_literals;
  const std::string info =
      error(R"("details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure"},
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
      {{}, error(R"("message":"Quota exceeded.\\nPlease retry in 12.3s.")"), 12300ms},
      {{}, error(R"("message":"Please retry in 800ms.")"), 800ms},
      {{}, error(R"("message":"Please retry in 1h2m3.5s.")"), 1h + 2min + 3500ms},
      {{}, error(R"("message":"Please retry in 99999h9m.")"), 24h},
      {{}, error(R"("message":"Please retry in a while.")"), 0ns},
      {{}, error(R"("message":"Please retry in 5.")"), 0ns},
  };
  for (const Row& row : table) {
    Gateway g;
    const std::string header = row.headers.empty() ? row.body : row.headers.back().second;
    EXPECT_EQ(g.ask(reply(429, row.body, row.headers)).failure.retry_after, row.expected) << header;
  }
}

TEST(Gemini, KeepsTheKeyAndLongTextsOutOfTheLog) {
  Gateway g;
  const Answer a = g.ask(reply(403, error(R"("message":"Consumer 'api_key:)" + std::string(kKey) +
                                          R"(' )" + std::string(600, 'x') + "\"")));
  EXPECT_EQ(a.failure.detail.substr(0, 39), "HTTP 403: Consumer 'api_key:[key]' xxxx");
  EXPECT_EQ(a.failure.detail.size(), 500u);
  for (const std::string& line : g.h.logs) EXPECT_EQ(line.find(kKey), std::string::npos) << line;
  EXPECT_EQ(g.h.health.find(kKey), std::string::npos);
}

TEST(Gemini, CutsDetailsBetweenCharacters) {
  Gateway g;
  std::string umlauts;
  for (int i = 0; i < 400; ++i) umlauts += "ü";
  EXPECT_EQ(g.ask(reply(500, error(R"("message":"x)" + umlauts + "\""))).failure.detail.size(),
            499u);
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
  g.ask(no_reply({502,
                  "upstream_unreachable",
                  "The upstream could not be reached.",
                  {},
                  {},
                  GH_FAIL_UPSTREAM}));
  EXPECT_EQ(g.h.health, "degraded: The upstream could not be reached.");
  g.ask(reply(503, ""));
  EXPECT_EQ(g.h.health, "degraded: the model is overloaded");
  g.ask(sse({last(R"({"text":"Hi"})")}));
  EXPECT_EQ(g.h.health, "up");
  g.ask(no_reply(
      {504, "upstream_timeout", "The upstream did not respond in time.", {}, {}, GH_FAIL_SUSPECT}));
  EXPECT_EQ(g.h.health, "up");  // it may be this chat that takes so long
}

TEST(Gemini, IsNotBlamedForASinkThatFails) {
  struct Watcher final : Plugin, Sink {
    explicit Watcher(Plugin& gemini) : gemini_(gemini) {}
    Status handle(Exchange& x, Sink&, Next& next) override {
      return gemini_.handle(x, *this, next);
    }
    Status emit(Event) override { return Fail{500, "watcher_broken", "The watcher failed.", {}}; }
    Plugin& gemini_;
  };
  Gateway g;
  Watcher watcher(g.gemini);
  g.h.upstream.push(sse({last(R"({"text":"Hi"})")}));

  EXPECT_EQ(g.h.ask(watcher, kHello).failure.code, "watcher_broken");
  EXPECT_EQ(g.h.health, "up");
}

TEST(Gemini, StopsWhenTheClientLeaves) {
  Gateway g;
  g.h.upstream.push(sse({with_parts(R"({"text":"a"})"), with_parts(R"({"text":"b"})"),
                         with_parts(R"({"text":"c"})")}));
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

// ---- The probe ---------------------------------------------------------------------------------

TEST(Gemini, ListsModelsWhenNoChatHasShownItsHealth) {
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

TEST(Gemini, ShowsTheHealthThatAProbeFinds) {
  const std::string old_key =
      "; Google rejects keys of the old kind (AIza…) since 2026: create a new one in AI Studio";
  const std::vector<std::pair<Reply, std::string>> table = {
      {reply(400, error(R"("details":[{"reason":"API_KEY_INVALID"}])")),
       "down: the API key is rejected: correct api_key" + old_key},
      {reply(503, ""), "degraded: the model is overloaded"},
      {reply(500, ""), "degraded: Gemini failed; try again."},
      {reply(404, ""), "degraded: the probe (a list of models) is rejected: check base_url"},
      {reply(400, ""), "degraded: the probe (a list of models) is rejected: check base_url"},
      {no_reply({504,
                 "upstream_timeout",
                 "The upstream did not respond in time.",
                 {},
                 {},
                 GH_FAIL_SUSPECT}),
       "degraded: The upstream did not respond in time."},
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

TEST(Gemini, DoesNotProbeWhileChatsShowItsHealth) {
  for (const Reply& chat : {sse({last(R"({"text":"Hi"})")}), reply(500, ""), reply(400, "")}) {
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
  Gemini often(h.host(),
               h.config(R"({"api_key": "k", "base_url": "http://g", "probe_interval": "5s"})"));
  h.run_background(0, 3);
  EXPECT_EQ(h.upstream.requests.size(), 3u);

  Harness none;
  Gemini never(none.host(),
               none.config(R"({"api_key": "k", "base_url": "http://g", "probe_interval": false})"));
  EXPECT_THROW(none.run_background(), std::out_of_range);
}

// ---- Metrics -----------------------------------------------------------------------------------

TEST(Gemini, CountsCallsTheirTimesAndTokens) {
  Gateway g;
  g.ask(sse({last(R"({"text":"Hi"})"),
             R"({"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,)"
             R"("thoughtsTokenCount":4}})"}));
  g.ask(sse({R"({"usageMetadata":{"candidatesTokenCount":5}})", error(R"("code":500)")}));

  const std::string call = R"(gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",)"
                           R"(gen_ai_request_model="gemini-2.5-flash")";
  EXPECT_EQ(g.h.metrics.at(
                R"(gatehouse_upstream_requests_total{provider="test",model="gemini-2.5-flash",)"
                R"(code="200"})"),
            2);
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_operation_duration_seconds_count{" + call +
                           R"(,error_type=""})"),
            1);
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_operation_duration_seconds_count{" + call +
                           R"(,error_type="upstream_error"})"),
            1);
  EXPECT_EQ(
      g.h.metrics.at("gen_ai_client_operation_time_to_first_chunk_seconds_count{" + call + "}"), 2);
  EXPECT_EQ(
      g.h.metrics.at("gen_ai_client_token_usage_sum{" + call + R"(,gen_ai_token_type="input"})"),
      3);
  EXPECT_EQ(
      g.h.metrics.at("gen_ai_client_token_usage_sum{" + call + R"(,gen_ai_token_type="output"})"),
      11);
  EXPECT_EQ(
      g.h.metrics.at("gen_ai_client_token_usage_count{" + call + R"(,gen_ai_token_type="input"})"),
      1);
}

TEST(Gemini, CountsCallsByTheirOutcome) {
  Gateway g;
  g.ask(reply(429, ""));
  g.ask(no_reply({504, "upstream_timeout", "The upstream did not respond in time.", {}}));
  g.h.upstream.push({0, {}, {}, GH_STOP, {}});  // the client leaves before the head
  g.h.ask(g.gemini, kHello);

  for (const char* code : {"429", "upstream_timeout", "cancelled"}) {
    EXPECT_EQ(g.h.metrics.count(
                  R"(gatehouse_upstream_requests_total{provider="test",model="gemini-2.5-flash",)"
                  R"(code=")" +
                  std::string(code) + "\"}"),
              1u)
        << code;
  }
  for (const auto& [series, value] : g.h.metrics)
    EXPECT_EQ(series.find("first_chunk"), std::string::npos) << series;
}

TEST(Gemini, TimesCalls) {
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
  g.h.upstream.push(sse({last(R"({"text":"Hi"})")}));
  const Answer answer = g.h.ask(slow, kHello);
  EXPECT_NE(answer.notes.find(R"("attempts":1,"upstream_ms":1000)"), std::string::npos)
      << answer.notes;

  const std::string model = R"({gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",)"
                            R"(gen_ai_request_model="gemini-2.5-flash")";
  EXPECT_EQ(g.h.metrics.at("gen_ai_client_operation_time_to_first_chunk_seconds_sum" + model + "}"),
            0);
  EXPECT_EQ(
      g.h.metrics.at("gen_ai_client_operation_duration_seconds_sum" + model + R"(,error_type=""})"),
      1.5);  // three events
}

}  // namespace
}  // namespace gatehouse::plugins::gemini
