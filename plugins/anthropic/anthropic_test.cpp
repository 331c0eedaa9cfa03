#include "anthropic.h"

#include <gtest/gtest.h>

#include "anthropic_testing.h"

namespace gatehouse::plugins::anthropic {
namespace {

using namespace anthropic_testing;
using namespace std::chrono_literals;

const Reply kHi = sse({start(), text("Hi"), stop(0), last("end_turn"), kStop});

TEST(Anthropic, SendsItsKeyAndTheVersion) {
  Gateway g(R"("headers": {"anthropic-beta": "x-1"})");
  EXPECT_EQ(g.ask(kHi).text, "Hi");
  const auto& request = g.h.upstream.requests.at(0);
  EXPECT_EQ(request.base_url, "https://api.anthropic.com");
  EXPECT_EQ(request.path, "/v1/messages");
  EXPECT_EQ(request.header("x-api-key"), "sk-ant-secret");
  EXPECT_EQ(request.header("anthropic-version"), "2023-06-01");
  EXPECT_EQ(request.header("anthropic-beta"), "x-1");
}

TEST(Anthropic, SendsNoSamplingToTheVersionWithout) {
  const std::string chat =
      R"({"model": "claude-3-haiku", "messages": [], "temperature": 0.5, "top_p": 1,)"
      R"( "top_k": 9})";
  Gateway old, g(R"("version": "2026-10-21")");
  EXPECT_NE(old.sent(chat).find(R"("temperature":0.5,"top_p":1,"top_k":9)"), std::string::npos);
  EXPECT_EQ(g.sent(chat).find("temperature"), std::string::npos);
  EXPECT_EQ(g.h.upstream.requests.at(0).header("anthropic-version"), "2026-10-21");
  EXPECT_EQ(g.ask(kHi, chat).events.at(0),
            "warning:temperature:`temperature` is not honoured: the model does not accept it.");
}

TEST(Anthropic, PassesOtherModelsOn) {
  Gateway g(R"("models": ["claude-*"])");
  g.h.next = answer("another provider");
  EXPECT_EQ(g.ask(kHi, R"({"model": "gpt-x", "messages": []})").text, "another provider");
  EXPECT_TRUE(g.h.upstream.requests.empty());
  EXPECT_EQ(g.ask(kHi).text, "Hi");
}

TEST(Anthropic, NotesWhoResponds) {
  Gateway g;
  EXPECT_NE(g.ask(kHi).notes.find(R"("model":"claude-haiku-4-5","provider":"anthropic")"),
            std::string::npos);
}

constexpr View kCount = R"({"model": "claude-haiku-4-5", "count_only": true,)"
                        R"( "must": ["count_only"], "max_output_tokens": 9, "temperature": 0.5,)"
                        R"( "stop": ["x"], "system": [{"type": "text", "text": "S"}],)"
                        R"( "tools": [{"name": "a"}], "tool_choice": {"mode": "required"},)"
                        R"( "messages": [{"role": "user", "content":)"
                        R"( [{"type": "text", "text": "Hi"}]}]})";

TEST(Anthropic, CountsTokensWithoutAModelThatResponds) {
  Gateway g;
  const Answer a = g.ask(reply(200, R"({"input_tokens": 42})"), kCount);
  EXPECT_EQ(a.events, (Events{"step-start", R"(usage:{"input_tokens":42})", "step-finish:stop"}));
  const auto& sent = g.h.upstream.requests.at(0);
  EXPECT_EQ(sent.path, "/v1/messages/count_tokens");
  EXPECT_EQ(sent.body, R"({"model":"claude-haiku-4-5","system":[{"type":"text","text":"S"}],)"
                       R"("messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],)"
                       R"("tools":[{"name":"a","input_schema":{"type":"object","properties":{}}}],)"
                       R"("tool_choice":{"type":"any"}})");
  for (const auto& [series, value] : g.h.metrics)
    EXPECT_EQ(series.find("token_usage"), std::string::npos) << "counting is free: " << series;
}

TEST(Anthropic, FailsWhereNoTokensWereCounted) {
  const auto code = [](Reply reply) {
    Gateway g;
    return g.ask(std::move(reply), kCount).failure.code;
  };
  EXPECT_EQ(code(reply(429, "{}")), "upstream_rate_limited");
  for (const char* body : {"", "<html>", "[]", "{}", R"({"input_tokens": "42"})",
                           R"({"input_tokens": -1})", R"({"input_tokens": 1.5})"})
    EXPECT_EQ(code(reply(200, body)), "upstream_malformed") << body;
  EXPECT_EQ(code(broken(reply(200, R"({"input_)"))), "upstream_broken");
}

/// "502 code transient health"
std::string outcome(int status, const std::string& type, const std::string& message = "") {
  Gateway g;
  const Answer a = g.ask(reply(status, R"({"type":"error","error":{"type":")" + type +
                                           R"(","message":")" + message + "\"}}"));
  return std::to_string(a.status) + " " + a.failure.code +
         ((a.failure.flags & GH_FAIL_TRANSIENT) != 0 ? " transient " : " ") + g.h.health;
}

TEST(Anthropic, BlamesWhoIsToBlame) {
  EXPECT_EQ(outcome(400, "invalid_request_error", "x"), "502 upstream_refused up");
  EXPECT_EQ(outcome(400, "invalid_request_error", "prompt is too long: 210000 tokens"),
            "413 context_too_long up");
  EXPECT_EQ(outcome(400, "invalid_request_error", "Your credit balance is too low"),
            "502 upstream_account_refused down: the account has no credit left: add some");
  EXPECT_EQ(outcome(401, "authentication_error"),
            "502 upstream_key_refused down: the API key is rejected: correct api_key");
  EXPECT_EQ(outcome(404, "not_found_error"),
            "502 upstream_model_unknown degraded: the model is unknown: correct its name, or "
            "base_url");
  EXPECT_EQ(outcome(413, "request_too_large"), "413 context_too_long up");
  EXPECT_EQ(outcome(429, "rate_limit_error"),
            "429 upstream_rate_limited transient degraded: the quota is used up at the moment");
  EXPECT_EQ(outcome(500, "api_error"), "502 upstream_error transient up");
  EXPECT_EQ(outcome(529, "overloaded_error"),
            "503 upstream_unavailable transient degraded: the model is overloaded");
}

TEST(Anthropic, ReportsWhenToSendTheRequestAgain) {
  const auto wait = [](Headers headers) {
    Gateway g;
    g.h.advance(0s);
    return g.ask(reply(429, "{}", std::move(headers))).failure.retry_after;
  };
  EXPECT_EQ(wait({{"Retry-After", "7"}}), 7s);
  EXPECT_EQ(wait({{"anthropic-ratelimit-requests-remaining", "1"},
                  {"anthropic-ratelimit-requests-reset", "2999-01-01T00:00:00Z"}}),
            0s);
  EXPECT_EQ(wait({{"anthropic-ratelimit-input-tokens-remaining", "0"},
                  {"anthropic-ratelimit-input-tokens-reset", "2999-01-01T00:00:00Z"}}),
            24h);
  EXPECT_EQ(wait({{"anthropic-ratelimit-input-tokens-remaining", "0"},
                  {"anthropic-ratelimit-input-tokens-reset", "soon"}}),
            0s);
}

TEST(Anthropic, KeepsItsKeyOutOfTheLog) {
  Gateway g;
  EXPECT_EQ(g.ask(reply(400, "sk-ant-secret is wrong")).failure.detail, "HTTP 400: [key] is wrong");
}

TEST(Anthropic, ProbesTheListOfModels) {
  Gateway g;
  g.h.upstream.push(reply(401, "{}"));
  g.h.run_background(0, 1);
  EXPECT_EQ(g.h.upstream.requests.at(0).path, "/v1/models");
  EXPECT_EQ(g.h.upstream.requests.at(0).header("anthropic-version"), "2023-06-01");
  EXPECT_EQ(g.h.health, "down: the API key is rejected: correct api_key");
}

}  // namespace
}  // namespace gatehouse::plugins::anthropic
