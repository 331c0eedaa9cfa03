#include "openai.h"

#include <gtest/gtest.h>

#include "dialects_json.h"
#include "openai_testing.h"

namespace gatehouse::plugins::openai {
namespace {

using namespace openai_testing;
using namespace std::chrono_literals;

const Reply kHi = sse({delta(R"("content":"Hi")"), last("stop"), "[DONE]"});

TEST(OpenAi, SendsTheKeyAndTheHeadersOfTheOperator) {
  Gateway g(R"("headers": {"HTTP-Referer": "https://x.example"})");
  EXPECT_EQ(g.ask(kHi).text, "Hi");
  const auto& request = g.h.upstream.requests.at(0);
  EXPECT_EQ(request.base_url, "https://api.openai.com/v1");
  EXPECT_EQ(request.path, "/chat/completions");
  EXPECT_EQ(request.header("Authorization"), "Bearer sk-secret");
  EXPECT_EQ(request.header("HTTP-Referer"), "https://x.example");
  EXPECT_EQ(request.header("Content-Type"), "application/json");
}

TEST(OpenAi, UsesKeysInTurnAndLetsARejectedOneRest) {
  Harness h;
  h.be_strict();
  const auto plugin = h.create(R"({"api_key": ["one", "two"]})");
  for (const Reply& r : {reply(401, R"({"error": {"message": "no such key: one"}})"), kHi, kHi})
    h.upstream.push(r);
  EXPECT_EQ(h.ask(*plugin, kHello).text, "Hi");
  EXPECT_EQ(h.ask(*plugin, kHello).text, "Hi");
  std::string used;
  for (const auto& request : h.upstream.requests) used += request.header("Authorization") + ' ';
  EXPECT_EQ(used, "Bearer one Bearer two Bearer two ");
  for (const std::string& line : h.logs)
    EXPECT_EQ(line.find("no such key: one"), line.npos) << line;
}

TEST(OpenAi, NeedsNoKey) {
  Harness h;
  const auto plugin = h.create(R"({"dialect": "ollama"})");
  h.upstream.push(kHi);
  EXPECT_EQ(h.ask(*plugin, kHello).text, "Hi");
  EXPECT_EQ(h.upstream.requests.at(0).base_url, "http://127.0.0.1:11434/v1");
  EXPECT_EQ(h.upstream.requests.at(0).header("Authorization"), "");
}

TEST(OpenAi, CallsAzureInItsOwnWay) {
  Gateway g(R"("dialect": "azure", "base_url": "https://acme.openai.azure.com")");
  EXPECT_EQ(g.ask(kHi).text, "Hi");
  const auto& request = g.h.upstream.requests.at(0);
  EXPECT_EQ(request.path, "/openai/deployments/gpt-4.1/chat/completions?api-version=2024-10-21");
  EXPECT_EQ(request.header("api-key"), "sk-secret");
  EXPECT_EQ(request.header("Authorization"), "");
}

TEST(OpenAi, HasPresetsThatAreSettings) {
  constexpr View kUrl = "https://x.example/v1";
  Harness h;
  const Document presets = testing::parse(kDialectsJson);
  for (const auto [name, preset] : presets.root().members()) {
    Document settings, dialect;
    settings.root().set(preset);
    if (!preset["base_url"]) settings.root().edit("base_url").set(kUrl);
    dialect.root().edit("dialect").set(name);
    dialect.root().edit("base_url").set(kUrl);
    (void)h.create(settings.root().dump());  // throws when one does not fit the schema
    (void)h.create(dialect.root().dump());
    EXPECT_EQ(h.problems, std::vector<std::string>()) << name;
  }
}

TEST(OpenAi, RejectsExtraMembersThatItWritesItself) {
  Gateway g(R"("extra": {"stream": false})");
  EXPECT_EQ(g.h.problems,
            std::vector<std::string>{"/extra/stream: is written by the gateway: remove it"});
}

TEST(OpenAi, NotesWhoResponds) {
  const auto notes = [](const char* settings) {
    Gateway g(settings);
    return g.ask(sse({last("stop", R"("content":"Hi")"), "[DONE]"})).notes;
  };
  EXPECT_NE(notes("").find(R"("model":"gpt-4.1","provider":"openai")"), std::string::npos);
  EXPECT_NE(notes(R"("dialect": "azure", "base_url": "https://a.example")")
                .find(R"("provider":"azure.ai.openai")"),
            std::string::npos);
}

TEST(OpenAi, AddsWhatAttemptsWithoutAResponseHaveCost) {
  struct Twice final : Plugin {
    explicit Twice(Plugin& openai) : openai_(openai) {}
    Status handle(Exchange& x, Sink& out, Next& next) override {
      (void)openai_.handle(x, out, next);
      return openai_.handle(x, out, next);
    }
    Plugin& openai_;
  };
  const std::string usage = R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,)"
                            R"("total_tokens":11}})";
  Gateway g;
  Twice twice(*g.plugin);
  g.h.upstream.push(sse({usage, R"({"error":{"message":"broken"}})"}));
  g.h.upstream.push(sse({last("stop", R"("content":"Hi")"), usage, "[DONE]"}));
  const Answer a = g.h.ask(twice, kHello);
  EXPECT_EQ(a.events.at(3), R"(usage:{"input_tokens":18,"output_tokens":4,"total_tokens":22})");
  EXPECT_EQ(a.notes.find("unanswered"), std::string::npos) << a.notes;
}

TEST(OpenAi, CountsNoTokensAsTheApiCannot) {
  Gateway g;
  const Answer a = g.h.ask(*g.plugin, R"({"model": "m", "messages": [], "count_only": true,)"
                                      R"( "must": ["count_only"]})");
  EXPECT_EQ(a.status, 400);
  EXPECT_EQ(a.failure.code, "unsupported_parameter");
  EXPECT_TRUE(g.h.upstream.requests.empty());
}

TEST(OpenAi, PassesOtherModelsOn) {
  Gateway g(R"("models": ["gpt-*", "o4-mini"])");
  g.h.next = answer("another provider");
  const auto text = [&](const std::string& model) {
    return g.ask(kHi, R"({"model": ")" + model + R"(", "messages": []})").text;
  };
  EXPECT_EQ(text("gemini-x"), "another provider");
  EXPECT_EQ(text("o4-mini-2"), "another provider");
  EXPECT_TRUE(g.h.upstream.requests.empty());
  EXPECT_EQ(text("gpt-x"), "Hi");
  EXPECT_EQ(text("o4-mini"), "Hi");
}

TEST(OpenAi, RejectsNamesOfModelsThatAreNone) {
  Gateway g;
  const std::string names[] = {"", "a b", "a?b", "a%2f", std::string(201, 'a')};
  for (const std::string& model : names) {
    EXPECT_EQ(g.ask(kHi, R"({"model": ")" + model + R"(", "messages": []})").failure.code,
              "invalid_model");
  }
  EXPECT_TRUE(g.h.upstream.requests.empty());
}

/// "502 code transient health"
std::string outcome(Reply reply) {
  Gateway g;
  const Answer a = g.ask(std::move(reply));
  return std::to_string(a.status) + " " + a.failure.code +
         ((a.failure.flags & GH_FAIL_TRANSIENT) != 0 ? " transient " : " ") + g.h.health;
}

TEST(OpenAi, BlamesWhoIsToBlame) {
  const auto error = [](int status, const std::string& members) {
    return outcome(reply(status, R"({"error":{)" + members + "}}"));
  };
  EXPECT_EQ(error(400, R"("message":"bad")"), "502 upstream_refused up");
  EXPECT_EQ(error(400, R"("code":"context_length_exceeded")"), "413 context_too_long up");
  EXPECT_EQ(error(400, R"("code":"content_filter")"), "400 content_filter up");
  EXPECT_EQ(error(403, R"("code":403,"metadata":{"reasons":["violence"]})"),
            "400 content_filter up");
  EXPECT_EQ(error(401, R"("code":"invalid_api_key")"),
            "502 upstream_key_refused down: the API key is rejected: correct api_key");
  EXPECT_EQ(error(402, R"("message":"credits")"),
            "502 upstream_account_refused down: the account has no credit left: add some");
  EXPECT_EQ(error(404, R"("code":"model_not_found")"),
            "502 upstream_model_unknown degraded: the model is unknown: correct its name, or "
            "base_url");
  EXPECT_EQ(error(429, R"("code":"rate_limit_exceeded")"),
            "429 upstream_rate_limited transient degraded: the quota is used up at the moment");
  EXPECT_EQ(error(429, R"("code":"insufficient_quota")"),
            "429 upstream_quota_used_up degraded: the quota of the account is used up: raise it, "
            "or add credit");
  EXPECT_EQ(error(408, ""), "502 upstream_error transient up");
  EXPECT_EQ(error(500, ""), "502 upstream_error transient up");
  EXPECT_EQ(error(503, ""), "503 upstream_unavailable transient degraded: the model is overloaded");
}

TEST(OpenAi, ReadsTheErrorsOfAllServers) {
  EXPECT_EQ(outcome(reply(400, R"({"error":"this model's maximum context length is 10"})")),
            "413 context_too_long up");  // Ollama
  EXPECT_EQ(outcome(reply(400, R"({"object":"error","message":"maximum context length"})")),
            "413 context_too_long up");  // old vLLM
  EXPECT_EQ(outcome(reply(422, R"({"detail":[{"msg":"x"}]})")), "502 upstream_refused up");
  EXPECT_EQ(outcome(reply(502, "<html>")), "502 upstream_error transient up");
  EXPECT_EQ(outcome(reply(200, "{}", {{"Content-Type", "application/json"}})),
            "502 upstream_malformed up");
}

TEST(OpenAi, LetsTheServerDecideAboutRetries) {
  EXPECT_EQ(outcome(reply(400, "{}", {{"x-should-retry", "true"}})),
            "502 upstream_refused transient up");
  EXPECT_EQ(outcome(reply(500, "{}", {{"x-should-retry", "false"}})), "502 upstream_error up");
}

TEST(OpenAi, ReportsWhenToSendTheRequestAgain) {
  const auto wait = [](Headers headers) {
    Gateway g;
    return g.ask(reply(429, "{}", std::move(headers))).failure.retry_after;
  };
  EXPECT_EQ(wait({}), 0s);
  EXPECT_EQ(wait({{"Retry-After", "7"}}), 7s);
  EXPECT_EQ(wait({{"retry-after-ms", "70"}, {"Retry-After", "7"}}), 70ms);
  EXPECT_EQ(wait({{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "6m0s"}}),
            6min);
  EXPECT_EQ(wait({{"x-ratelimit-remaining-requests", "5"},
                  {"x-ratelimit-reset-requests", "8.64s"},
                  {"x-ratelimit-remaining-tokens", "0"},
                  {"x-ratelimit-reset-tokens", "300ms"}}),
            300ms);
}

TEST(OpenAi, KeepsItsSecretsOutOfTheLog) {
  Gateway g(R"("headers": {"X-Gate": "hidden-value"})");
  const Answer answer = g.ask(reply(400, "sk-secret and hidden-value are wrong"));
  EXPECT_EQ(answer.failure.detail, "HTTP 400: [key] and [key] are wrong");
  for (const std::string& line : g.h.logs)
    EXPECT_EQ(line.find("secret") + line.find("hidden"), 2 * std::string::npos) << line;
}

TEST(OpenAi, RetriesNothingOnceTheResponseHasBegun) {
  const Fail broke{502,
                   "upstream_broken",
                   "The upstream broke off its response.",
                   {},
                   0s,
                   GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM};
  Gateway g;
  EXPECT_EQ(g.ask(broken(sse({}), broke)).failure.flags, broke.flags);
  EXPECT_EQ(g.ask(broken(sse({delta(R"("role":"assistant")")}), broke)).failure.flags,
            std::uint32_t{GH_FAIL_UPSTREAM});
  EXPECT_EQ(g.h.health, "degraded: The upstream broke off its response.");
}

TEST(OpenAi, CountsItsRequests) {
  Gateway g;
  g.ask(sse({last("stop", R"("content":"x")"),
             R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}})", "[DONE]"}));
  g.ask(reply(500, "{}"));
  EXPECT_EQ(g.h.metrics.at(R"(gatehouse_upstream_requests_total{provider="test",)"
                           R"(model="gpt-4.1",code="200"})"),
            1);
  EXPECT_EQ(g.h.metrics.at(R"(gatehouse_upstream_requests_total{provider="test",)"
                           R"(model="gpt-4.1",code="500"})"),
            1);
}

TEST(OpenAi, ProbesTheListOfModels) {
  Gateway g(R"("dialect": "azure", "base_url": "https://acme.example")");
  g.h.upstream.push(reply(401, R"({"error":{"message":"no"}})"));
  g.h.run_background(0, 1);
  EXPECT_EQ(g.h.upstream.requests.at(0).path, "/openai/models?api-version=2024-10-21");
  EXPECT_EQ(g.h.health, "down: the API key is rejected: correct api_key");
  g.h.upstream.push(reply(200, R"({"data":[]})"));
  g.h.run_background(0, 1);
  EXPECT_EQ(g.h.health, "up");
}

TEST(OpenAi, TakesAServerWithoutAListOfModelsForHealthy) {
  Gateway g;
  g.h.upstream.push(reply(404, "{}"));
  g.h.run_background(0, 1);
  EXPECT_EQ(g.h.health, "up");
}

}  // namespace
}  // namespace gatehouse::plugins::openai
