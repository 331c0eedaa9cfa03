#include "failures.h"

#include <gtest/gtest.h>

#include "gemini_testing.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace gemini_testing;
using namespace std::chrono_literals;

std::string status_error(const std::string& status, const std::string& message,
                         const std::string& details = "[]") {
  return error(R"("status":")" + status + R"(","message":")" + message + R"(","details":)" +
               details);
}
std::string reason(const std::string& word) {
  return status_error(
      "PERMISSION_DENIED", "No.",
      R"([{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":")" + word + "\"}]");
}
std::string quota(const std::string& id, const std::string& more = "") {
  return status_error(
      "RESOURCE_EXHAUSTED", "Quota exceeded. Please retry in 1.8s.",
      R"([{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":")" + id +
          "\"}" + more + "]}]");
}

/// "CODE", with its flags, and the health after it.
struct Outcome {
  std::string code, health;
  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.code == b.code && a.health == b.health;
  }
  friend std::ostream& operator<<(std::ostream& out, const Outcome& t) {
    return out << t.code << " | " << t.health;
  }
};

Outcome outcome(int status, const std::string& body, const std::string& api_key = "AQ.new-key") {
  Harness h;
  Gemini gemini(h.host(), h.config(R"({"base_url": "http://g", "api_key": ")" + api_key + "\"}"));
  h.upstream.push(reply(status, body));
  const Answer a = h.ask(gemini, kHello);
  EXPECT_EQ(h.upstream.requests.size(), 1u);
  Outcome t{a.failure.code, h.health};
  if (a.failure.flags & GH_FAIL_TRANSIENT) t.code += " transient";
  if (a.failure.flags & GH_FAIL_UPSTREAM) t.code += " upstream";
  if (a.failure.flags & GH_FAIL_SUSPECT) t.code += " suspect";
  return t;
}

TEST(GeminiFailures, BlameTheKeyAndNameTheRemedy) {
  const Outcome refused{"upstream_key_refused", "down: the API key is rejected: correct api_key"};
  EXPECT_EQ(outcome(400, reason("API_KEY_INVALID")), refused);
  EXPECT_EQ(
      outcome(400, status_error("INVALID_ARGUMENT", "API key expired. Please renew the API key.")),
      refused);
  EXPECT_EQ(
      outcome(401,
              status_error(
                  "UNAUTHENTICATED",
                  "Request had invalid authentication credentials. Expected OAuth 2 access token")),
      refused);
  EXPECT_EQ(outcome(401, reason("ACCESS_TOKEN_TYPE_UNSUPPORTED")), refused);
  EXPECT_EQ(outcome(403, ""), refused);
  EXPECT_EQ(
      outcome(401, "", "AIza-old"),
      (Outcome{
          "upstream_key_refused",
          "down: the API key is rejected: correct api_key; Google rejects keys of the old kind "
          "(AIza…) since 2026: create a new one in AI Studio"}));
  EXPECT_EQ(outcome(403, status_error(
                             "PERMISSION_DENIED",
                             "Your API key was reported as leaked. Please use another API key.")),
            (Outcome{"upstream_key_refused",
                     "down: the API key was published and is blocked: create a new one"}));
  for (const std::string word : {"SERVICE_DISABLED", "API_KEY_SERVICE_BLOCKED",
                                 "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED"}) {
    EXPECT_EQ(outcome(403, reason(word)),
              (Outcome{"upstream_key_refused",
                       "down: the API key may not be used here: remove its restriction " + word}));
  }
  EXPECT_EQ(
      outcome(400,
              status_error("INVALID_ARGUMENT",
                           "Multiple authentication credentials received. Please pass only one.")),
      (Outcome{"upstream_key_refused",
               "down: the API key was sent twice: remove it from base_url or the proxy"}));
}

TEST(GeminiFailures, BlameTheAccount) {
  for (const std::string word : {"CONSUMER_SUSPENDED", "CONSUMER_INVALID"}) {
    EXPECT_EQ(outcome(403, reason(word)),
              (Outcome{"upstream_account_refused",
                       "down: Google does not serve the project of the API key: " + word}));
  }
  EXPECT_EQ(outcome(403, status_error("PERMISSION_DENIED", "Your project has been denied access.")),
            (Outcome{"upstream_account_refused",
                     "down: Google has denied access to the project of the API key"}));
  EXPECT_EQ(
      outcome(400, status_error("FAILED_PRECONDITION",
                                "User location is not supported for the API use.")),
      (Outcome{
          "upstream_account_refused",
          "down: Gemini is not available at the location of this gateway: run it elsewhere, or "
          "turn on billing"}));
  Gateway g;
  g.answer({last("", "PUP_LIMITED_DISABLED")});
  EXPECT_EQ(g.h.health,
            "down: Google has limited the account of the API key for a breach of its policy");
}

TEST(GeminiFailures, BlameTheClientForItsFiles) {
  const std::string file =
      "You do not have permission to access the File abc123 or it may not exist.";
  EXPECT_EQ(outcome(403, status_error("PERMISSION_DENIED", file)),
            (Outcome{"file_unavailable", "up"}));
  EXPECT_EQ(outcome(400, status_error("INVALID_ARGUMENT", file)),
            (Outcome{"file_unavailable", "up"}));
  EXPECT_EQ(outcome(404, status_error("NOT_FOUND", file)), (Outcome{"file_unavailable", "up"}));
  EXPECT_EQ(outcome(403, status_error("PERMISSION_DENIED", "The video is private.")),
            (Outcome{"file_unavailable", "up"}));
  EXPECT_EQ(outcome(400, status_error("INVALID_ARGUMENT",
                                      "Unsupported MIME type: application/x-API key not valid")),
            (Outcome{"file_refused", "up"}));
  EXPECT_EQ(
      outcome(400, status_error("INVALID_ARGUMENT", "Unable to process input image. Please retry")),
      (Outcome{"file_refused", "up"}));
  EXPECT_EQ(
      outcome(400, status_error("INVALID_ARGUMENT",
                                "Invalid value at 'contents[0]': User location is not supported")),
      (Outcome{"upstream_refused", "up"}));
  EXPECT_EQ(outcome(400, status_error(
                             "INVALID_ARGUMENT",
                             "The input token count (1200000) exceeds the maximum number of tokens "
                             "allowed (1048576).")),
            (Outcome{"context_too_long", "up"}));
  EXPECT_EQ(outcome(413, ""), (Outcome{"context_too_long", "up"}));
  EXPECT_EQ(outcome(400, status_error("INVALID_ARGUMENT", "No.")),
            (Outcome{"upstream_refused", "up"}));
  EXPECT_EQ(outcome(400, status_error("INVALID_ARGUMENT", "Request contains an invalid argument.")),
            (Outcome{"upstream_refused", "up"}));
  EXPECT_EQ(outcome(499, ""), (Outcome{"upstream_error transient suspect", "up"}));
}

TEST(GeminiFailures, NameTheFile) {
  Gateway g;
  const Answer a = g.ask(reply(
      403,
      status_error("PERMISSION_DENIED",
                   "You do not have permission to access the File abc123 or it may not exist.")));
  EXPECT_EQ(a.failure.message,
            "Gemini cannot open the file abc123 of this chat; it may have expired: send it again.");
  EXPECT_EQ(a.status, 400);
  EXPECT_FALSE(g.logged("error:"));
}

TEST(GeminiFailures, NameTheLimit) {
  Gateway g;
  const std::string words =
      "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).";
  EXPECT_EQ(g.ask(reply(400, status_error("INVALID_ARGUMENT", words))).failure.message,
            "The conversation is too long for this model, which takes 1048576 tokens; start a new "
            "one, or leave out files.");
}

TEST(GeminiFailures, BlameTheSettings) {
  EXPECT_EQ(
      outcome(400, status_error("INVALID_ARGUMENT",
                                "'minimal' is not a supported thinking level for this model.")),
      (Outcome{"upstream_setting_refused",
               "degraded: the model rejects a setting of gemini: thinking"}));
  EXPECT_EQ(outcome(400, status_error("INVALID_ARGUMENT",
                                      "The thinking budget (52428) is out of range.")),
            (Outcome{"upstream_setting_refused",
                     "degraded: the model rejects a setting of gemini: thinking"}));
  EXPECT_EQ(outcome(400, status_error("INVALID_ARGUMENT", "Unsupported parameter: temperature")),
            (Outcome{"upstream_setting_refused",
                     "degraded: the model rejects a setting of gemini: temperature"}));
}

TEST(GeminiFailures, LogRejectedTurnsAsErrors) {
  Gateway g;
  g.ask(reply(
      400,
      status_error("INVALID_ARGUMENT",
                   "Please ensure that function call turn comes immediately after a user turn")));
  EXPECT_EQ(g.h.health, "up");
  EXPECT_TRUE(g.logged(
      "error: model request failed: Gemini rejects the order of turns in this conversation"));
}

TEST(GeminiFailures, NameTheQuotaThatIsUsedUp) {
  const std::string minute = "GenerateRequestsPerMinutePerProjectPerModel",
                    day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
  const Outcome used_up{
      "upstream_quota_used_up",
      "degraded: the daily quota is used up; it is reset at midnight Pacific time"};
  const Outcome burst{"upstream_rate_limited transient",
                      "degraded: the quota is used up at the moment"};
  EXPECT_EQ(outcome(429, quota(day)), used_up);
  EXPECT_EQ(outcome(429, quota("TokensDaily")), used_up);
  EXPECT_EQ(outcome(429, quota(minute)), burst);
  EXPECT_EQ(outcome(429, quota(day, R"(,{"quotaId":")" + minute + "\"}")), burst);
  EXPECT_EQ(outcome(429, status_error("RESOURCE_EXHAUSTED",
                                      "Resource has been exhausted (e.g. check quota).")),
            burst);
  EXPECT_EQ(
      outcome(429, status_error("RESOURCE_EXHAUSTED",
                                "Quota exceeded for metric: x, limit: 0, model: gemini-4-argon")),
      (Outcome{"upstream_not_in_plan",
               "degraded: the plan of the API key does not include this model: turn on billing"}));
  EXPECT_EQ(
      outcome(429, status_error("RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 02")),
      burst);
}

TEST(GeminiFailures, TellAnOverloadedModelFromAFailedRequest) {
  EXPECT_EQ(
      outcome(503, status_error("UNAVAILABLE", "experiencing high demand")),
      (Outcome{"upstream_unavailable transient upstream", "degraded: the model is overloaded"}));
  for (const int status : {429, 503})
    EXPECT_EQ(outcome(status, reason("MODEL_CAPACITY_EXHAUSTED")),
              (Outcome{"upstream_unavailable upstream", "degraded: the model is overloaded"}));
  for (const int status : {408, 409, 500, 502, 504})
    EXPECT_EQ(outcome(status, "<html>"), (Outcome{"upstream_error transient suspect", "up"}));
}

TEST(GeminiFailures, TellErrorsInAStreamByTheirStatus) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"("code":503,"status":"UNAVAILABLE")", "upstream_unavailable"},
      {R"("code":null,"status":"RESOURCE_EXHAUSTED")", "upstream_rate_limited"},
      {R"("status":"PERMISSION_DENIED")", "upstream_key_refused"},
      {R"("status":"DEADLINE_EXCEEDED")", "upstream_error"},
      {R"("code":429)", "upstream_rate_limited"},
      {R"("code":"x")", "upstream_error"}};
  for (const auto& [members, code] : table) {
    Gateway g;
    const Answer a = g.ask(sse({error(members)}));
    EXPECT_EQ(a.failure.code, code) << members;
    EXPECT_TRUE(a.events.empty());
  }
}

TEST(GeminiFailures, AreTransientOnlyOnceWhereASecondAttemptMaySucceed) {
  struct Twice final : Plugin {
    explicit Twice(Plugin& gemini) : gemini_(gemini) {}
    Status handle(Exchange& x, Sink& out, Next& next) override {
      const Status first = gemini_.handle(x, out, next);
      first_flags = first.failure().copy().flags;
      return gemini_.handle(x, out, next);
    }
    Plugin& gemini_;
    std::uint32_t first_flags = 0;
  };
  const std::string help = status_error("RESOURCE_EXHAUSTED", "You exceeded your current quota.",
                                        R"([{"@type":"type.googleapis.com/google.rpc.Help"}])");
  for (const Reply& r : {reply(429, help), reply(499, ""), sse({last("", "OTHER")})}) {
    Gateway g;
    Twice twice(g.gemini);
    g.h.upstream.push(r);
    g.h.upstream.push(r);
    const Answer a = g.h.ask(twice, kHello);
    EXPECT_TRUE(twice.first_flags & GH_FAIL_TRANSIENT);
    EXPECT_FALSE(a.failure.flags & GH_FAIL_TRANSIENT);
  }
}

// ---- The model ---------------------------------------------------------------------------------

TEST(GeminiFailures, SwitchToTheSuccessorOfAModelThatIsGone) {
  const std::string gone = status_error(
      "NOT_FOUND", "This model models/gemini-2.5-flash is no longer available to new users.");
  Gateway g;
  EXPECT_EQ(g.ask(reply(404, gone)).failure.code, "upstream_model_unknown");
  EXPECT_EQ(g.h.health,
            "degraded: Gemini does not have gemini-2.5-flash for this key any longer; using "
            "gemini-3.5-flash-lite from now on");
  g.ask(sse({last(R"({"text":"Hi"})")}));
  EXPECT_EQ(g.h.upstream.requests.at(1).path,
            "/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse");
  EXPECT_EQ(g.h.health, "up: gemini-2.5-flash is replaced by gemini-3.5-flash-lite");

  Gateway ended;
  ended.ask(
      reply(
          404,
          status_error(
              "NOT_FOUND",
              "models/gemini-2.5-pro is not found for API version v1beta, or is not supported for "
              "generateContent.")),
      R"({"model": "gemini-2.5-pro", "messages": []})");
  EXPECT_EQ(ended.h.health,
            "degraded: Gemini does not have gemini-2.5-pro for this key any longer; using "
            "gemini-3.8-flash from now on");

  Gateway unknown;
  unknown.ask(reply(404, ""), R"({"model": "made-up", "messages": []})");
  EXPECT_EQ(unknown.h.health, "degraded: Gemini does not have made-up");
}

TEST(GeminiFailures, LogModelNewsOnceADay) {
  const std::string answer =
      R"({"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],)"
      R"("modelVersion":"models/gemini-3.5-flash-lite-001",)"
      R"("modelStatus":{"modelStage":"DEPRECATED","retirementTime":"2026-12-01T00:00:00Z"}})";
  const std::string news =
      "gemini-2.5-flash got a response from gemini-3.5-flash-lite; Google lists it as DEPRECATED, "
      "until 2026-12-01";
  Gateway g;
  const auto times = [&] {
    return std::count_if(g.h.logs.begin(), g.h.logs.end(),
                         [&](const std::string& l) { return l == "warn: " + news; });
  };
  g.answer({answer});
  g.answer({answer});
  EXPECT_EQ(times(), 1);
  EXPECT_EQ(g.h.health, "up: " + news);
  EXPECT_EQ(g.h.metrics.at(R"(gatehouse_gemini_model_mismatch_total{asked="gemini-2.5-flash",)"
                           R"(answered="gemini-3.5-flash-lite"})"),
            2);
  g.h.advance(24h);
  g.answer({answer});
  EXPECT_EQ(times(), 2);
  g.answer({last(R"({"text":"Hi"})")});
  EXPECT_EQ(g.h.health, "up");
}

TEST(GeminiFailures, KnowVersionsAndAliasesOfAModel) {
  const auto health = [](const std::string& asked, const std::string& answered) {
    Gateway g;
    g.ask(sse({R"({"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],)"
               R"("modelVersion":")" +
               answered + "\"}"}),
          R"({"messages": [], "model": ")" + asked + "\"}");
    return g.h.health;
  };
  EXPECT_EQ(health("gemini-3.8-flash", "models/gemini-3.8-flash-002"), "up");
  EXPECT_EQ(health("gemini-flash-latest", "gemini-3.8-flash"), "up");
  EXPECT_EQ(health("gemini-3.8-flash", "no name\\n"), "up");
  EXPECT_EQ(health("gemini-3.8-flash", "gemini-4-argon"),
            "up: gemini-3.8-flash got a response from gemini-4-argon");
}

// ---- Repairs ---------------------------------------------------------------

TEST(GeminiFailures, AreRetriedOnceWithoutForeignSignatures) {
  const std::string refused = status_error("INVALID_ARGUMENT", "Corrupted thought signature.");
  const std::string chat =
      R"({"model": "gemini-3.8-flash", "messages": [{"role": "assistant", "content": [
    {"type": "tool-call", "id": "c", "name": "f", "input": {}, 
     "metadata": {"google": {"thoughtSignature": "FOREIGN"}}}]},
    {"role": "tool", "content": [{"type": "tool-result", "id": "c", "name": "f", "output": 1}]}]})";
  Gateway g;
  g.h.upstream.push(reply(400, refused));
  EXPECT_EQ(g.ask(sse({last(R"({"text":"Hi"})")}), chat).text, "Hi");
  EXPECT_NE(g.h.upstream.requests.at(0).body.find("FOREIGN"), std::string::npos);
  EXPECT_EQ(g.h.upstream.requests.at(1).body.find("FOREIGN"), std::string::npos);
  EXPECT_TRUE(g.logged("warn: Gemini rejected the thought signatures"));

  Gateway again;
  again.h.upstream.push(reply(400, refused));
  EXPECT_EQ(again.ask(reply(400, refused), chat).failure.code, "upstream_refused");
  EXPECT_EQ(again.h.upstream.requests.size(), 2u);

  Gateway by_ending;
  by_ending.h.upstream.push(sse({last("", "MISSING_THOUGHT_SIGNATURE")}));
  EXPECT_EQ(by_ending.ask(sse({last(R"({"text":"Hi"})")}), chat).text, "Hi");
}

constexpr View kTools =
    R"({"model": "gemini-3.8-flash", "messages": [{"role": "user", 
    "content": [{"type": "text", "text": "Hi"}]}], "tools": [
  {"name": "one", "input_schema": {"type": "object", "properties": {"a": {"type": "string",
    "pattern": "x"}}}},
  {"name": "two", "input_schema": {"type": "object", "properties": {"b": {"type": "string",
    "pattern": "y"}}}},
  {"name": "six", "input_schema": {"type": "object", "properties": {"c": {"type": "string",
    "pattern": "z"}}}}]})";
std::string names_tool(int index) {
  return status_error("INVALID_ARGUMENT",
                      "* GenerateContentRequest.tools[0].function_declarations[" +
                          std::to_string(index) + "].parameters: no");
}
bool has(const Upstream::Sent& sent, View text) {
  return sent.body.find(text) != std::string::npos;
}

TEST(GeminiFailures, SimplifyAToolThenLeaveItOutAndRememberThat) {
  Gateway g;
  g.h.upstream.push(reply(400, names_tool(1)));
  g.h.upstream.push(reply(400, names_tool(1)));
  EXPECT_EQ(g.ask(sse({last(R"({"text":"Hi"})")}), kTools).text, "Hi");
  const auto& sent = g.h.upstream.requests;
  EXPECT_TRUE(has(sent.at(1), "\"two\"") && has(sent.at(1), "\"pattern\":\"x\"") &&
              !has(sent.at(1), "\"pattern\":\"y\""));
  EXPECT_TRUE(!has(sent.at(2), "\"two\"") && has(sent.at(2), "\"one\"") &&
              has(sent.at(2), "\"six\""));
  EXPECT_TRUE(g.logged(R"(warn: Gemini rejected a tool; retrying without it {"tool":"two")"));

  g.ask(sse({last(R"({"text":"Hi"})")}), kTools);
  EXPECT_EQ(sent.size(), 4u);
  EXPECT_FALSE(has(sent.at(3), "\"two\""));

  Gemini reloaded(g.h.host(), g.h.config(R"({"api_key": "k", "base_url": "http://g"})"));
  reloaded.adopt(g.gemini);
  g.h.upstream.push(sse({last(R"({"text":"Hi"})")}));
  g.h.ask(reloaded, kTools);
  EXPECT_FALSE(has(sent.at(4), "\"two\""));
}

TEST(GeminiFailures, CountToolsAsGeminiGotThem) {
  Gateway g;
  g.h.upstream.push(reply(400, names_tool(0)));
  g.h.upstream.push(reply(400, names_tool(0)));
  g.ask(sse({last(R"({"text":"Hi"})")}), kTools);  // without the first one, from now on
  g.h.upstream.push(reply(400, names_tool(0)));
  g.ask(sse({last(R"({"text":"Hi"})")}), kTools);
  const Upstream::Sent& sent = g.h.upstream.requests.back();
  EXPECT_TRUE(!has(sent, "\"one\"") && has(sent, "\"two\"") && !has(sent, "\"pattern\":\"y\"") &&
              has(sent, "\"pattern\":\"z\""));
}

TEST(GeminiFailures, SimplifyAllToolsWhereGeminiNamesNone) {
  const std::string bare =
      status_error("INVALID_ARGUMENT", "Request contains an invalid argument.");
  Gateway g;
  g.h.upstream.push(reply(400, bare));
  EXPECT_EQ(g.ask(reply(400, bare), kTools).failure.code, "upstream_refused");
  EXPECT_EQ(g.h.upstream.requests.size(), 2u);
  EXPECT_FALSE(has(g.h.upstream.requests.back(), "\"pattern\""));
  g.ask(sse({last(R"({"text":"Hi"})")}), kTools);
  EXPECT_TRUE(has(g.h.upstream.requests.back(), "\"pattern\""));  // it was not the tools
}

TEST(GeminiFailures, MakeNoMoreThanTwoRequestsMore) {
  Gateway g;
  for (int i = 0; i < 3; ++i) g.h.upstream.push(reply(400, names_tool(i)));
  EXPECT_EQ(g.h.ask(g.gemini, kTools).failure.code, "upstream_refused");
  EXPECT_EQ(g.h.upstream.requests.size(), 3u);
}

}  // namespace
}  // namespace gatehouse::plugins::gemini
