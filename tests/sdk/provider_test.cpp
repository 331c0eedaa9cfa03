#include "gatehouse/toolkit/provider.hpp"

#include <gtest/gtest.h>

#include <set>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse;
using namespace std::chrono_literals;

using gatehouse::testing::Harness;

constexpr auto kNewYear2025 = 1'735'689'600s;  // 2025-01-01T00:00:00Z

TEST(RetryAfter, IsAskedForInHeaders) {
  const auto delay = [](View milliseconds, View seconds_or_date) {
    return retry_after(milliseconds, seconds_or_date, kNewYear2025);
  };
  EXPECT_EQ(delay("60", "7"), 60ms);
  EXPECT_EQ(delay("soon", "7"), 7s);
  EXPECT_EQ(delay("", "3.5"), 3500ms);
  EXPECT_EQ(delay("", "0"), 1ns);
  EXPECT_EQ(delay("", "Wed, 01 Jan 2025 00:00:30 GMT"), 30s);
  EXPECT_EQ(delay("", "Tue, 31 Dec 2024 23:59:59 GMT"), 1ns);
  EXPECT_EQ(delay("", "Mon, 01 Jan 0001 00:00:00 GMT"), 1ns);
  EXPECT_EQ(delay("", "Fri, 31 Dec 9999 23:59:59 GMT"), 24h);
  EXPECT_EQ(delay("", std::string(500, '9') + ".5"), 24h);
  for (const View text : {"", ".", "-5", "nan", "1e3", "7 s", "Wed, 21 Okt 2015 07:28:00 GMT",
                          "21 Oct 2015", "Wed, 01 Jan 2025 00:00:30 CET"}) {
    EXPECT_EQ(delay("", text), 0ns) << text;
  }
}

TEST(RetryAfter, KnowsLeapDays) {
  const auto at = 1'709'164'800s;  // 2024-02-29T00:00:00Z
  EXPECT_EQ(retry_after("", "Thu, 29 Feb 2024 00:00:01 GMT", at), 1s);
  EXPECT_EQ(retry_after("", "Fri, 01 Mar 2024 00:00:00 GMT", at), 24h);
}

TEST(UpstreamError, IsLoggedWithoutTheKeyAndCut) {
  EXPECT_EQ(loggable("bad key abc, abc", "abc"), "bad key [key], [key]");
  EXPECT_EQ(loggable("no key", ""), "no key");
  EXPECT_EQ(loggable(std::string(600, 'x'), "abc").size(), 500u);
  std::string umlauts = "x";
  for (int i = 0; i < 400; ++i) umlauts += "ü";
  EXPECT_EQ(loggable(umlauts, "abc").size(), 499u);
}

TEST(UpstreamHealth, ReportsChangesOnly) {
  Harness h;
  UpstreamHealth health(h.host());
  health.report(GH_DEGRADED, "overloaded");
  EXPECT_EQ(h.health, "degraded: overloaded");
  h.health = "untouched";
  health.report(GH_DEGRADED, "overloaded");
  EXPECT_EQ(h.health, "untouched");
  health.report(GH_UP, "");
  EXPECT_EQ(h.health, "up");
}

TEST(FreshId, IsNeverTheSame) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(fresh_id());
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(UniqueIds, ReplaceIdsThatAreMissingOrTaken) {
  const Harness binds_json;
  const Document chat = gatehouse::testing::parse(
      R"([{"role": "assistant", "content": [{"type": "tool-call", "id": "old"}]}])");
  UniqueIds ids(chat.root());
  EXPECT_EQ(ids.take("new"), "new");
  for (const View taken : {"new", "old", ""}) {
    const std::string id = ids.take(taken);
    EXPECT_NE(id, taken);
    EXPECT_EQ(id.size(), 16u);
  }
}

TEST(UniqueIds, KeepABoundedNumber) {
  UniqueIds ids;
  for (int i = 0; i < 1000; ++i) (void)ids.take(std::to_string(i));
  EXPECT_NE(ids.take("one more"), "one more");
}

TEST(Effort, IsTheLowestLevelThatIsWorthTheTokens) {
  EXPECT_EQ(effort_for(-1), "none");
  EXPECT_EQ(effort_for(0), "none");
  EXPECT_EQ(effort_for(1), "low");
  EXPECT_EQ(effort_for(1024), "low");
  EXPECT_EQ(effort_for(1025), "medium");
  EXPECT_EQ(effort_for(8192), "medium");
  EXPECT_EQ(effort_for(24'576), "high");
  EXPECT_EQ(effort_for(1'000'000), "xhigh");
}

TEST(Effort, IsTheNearestThatAModelHas) {
  constexpr View kFew[] = {"low", "high"};
  EXPECT_EQ(nearest_effort(kFew, "none"), "low");
  EXPECT_EQ(nearest_effort(kFew, "medium"), "low") << "the first of two that are as near";
  EXPECT_EQ(nearest_effort(kFew, "max"), "high");
}

TEST(Conversation, FindsTheResultOfEachCall) {
  const Harness binds_json;
  const Document chat = gatehouse::testing::parse(R"({"messages": [
      {"role": "assistant", "content": [{"type": "tool-call", "id": "a", "name": "f"},
                                        {"type": "tool-call", "id": "a", "name": "g"},
                                        {"type": "tool-call", "id": "b", "name": "h"}]},
      {"role": "tool", "content": [{"type": "tool-result", "id": "a", "output": 1},
                                   {"type": "tool-result", "id": "a", "output": 2}]}]})");
  for_each_turn(
      chat.root(), [](Json) {},
      [](Json message, const CallResults& results) {
        const Json calls = message["content"];
        EXPECT_EQ(result_of(results, calls.at(0))["output"].integer(), 1);
        EXPECT_EQ(result_of(results, calls.at(1))["output"].integer(), 2);
        EXPECT_FALSE(result_of(results, calls.at(2)));
      });
}

TEST(Unhonoured, WarnsUnlessMustNamesTheMember) {
  const Harness binds_json;
  const auto judge = [](View chat) {
    const Document document = gatehouse::testing::parse(chat);
    Unhonoured unhonoured(document.root(), {"seed", "stop"});
    if (document.root()["stop"]) unhonoured.add("stop", "the model has none");
    const Status status = unhonoured.check();
    return std::string(status.failure().code()) + "|" + std::string(status.failure().message());
  };
  EXPECT_EQ(judge(R"({"messages": [], "stop": ["a"], "n": 2})"), "|");
  EXPECT_EQ(judge(R"({"messages": [], "stop": ["a"], "must": ["seed"]})"), "|");
  EXPECT_EQ(judge(R"({"stop": ["a"], "must": ["stop"]})"),
            "unsupported_parameter|`stop` is not honoured: the model has none.");
  EXPECT_EQ(judge(R"({"n": 2, "must": ["n"]})"),
            "unsupported_parameter|`n` is not honoured: it is unknown to this provider.");
  EXPECT_EQ(judge(R"({"must": ["n"]})"), "|") << "there is nothing to honour";
  EXPECT_EQ(judge(R"({"provider": "p", "hidden_tools": true, "limits": [],
                      "must": ["provider", "hidden_tools", "limits"]})"),
            "|")
      << "other plugins honour them";
}

TEST(CallMetrics, CountsACallByItsModelAndOutcome) {
  Harness h;
  const CallMetrics metrics(h.host(), "acme", "acme.ai");
  const auto began = h.host().now();
  ModelCall complete{"m", began, began + 2s, 200};
  complete.input_tokens = 3;
  complete.output_tokens = 5;
  ModelCall other = complete, silent = complete;
  other.model = "n";
  silent.output_tokens = -1;
  ModelCall failed{"m", began};
  failed.error = "upstream_timeout";
  for (const ModelCall& call : {complete, complete, other, silent, failed}) metrics.count(call);

  const auto value = [&h](const std::string& name, const std::string& labels) {
    return h.metrics.at(name + "{" + labels + "}");
  };
  const std::string requests = "gatehouse_upstream_requests_total", provider = R"(provider="acme")";
  EXPECT_EQ(value(requests, provider + R"(,model="m",code="200")"), 3);
  EXPECT_EQ(value(requests, provider + R"(,model="n",code="200")"), 1);
  EXPECT_EQ(value(requests, provider + R"(,model="m",code="upstream_timeout")"), 1);

  const std::string of_m =
      R"(gen_ai_operation_name="chat",gen_ai_provider_name="acme.ai",gen_ai_request_model="m")";
  const std::string duration = "gen_ai_client_operation_duration_seconds_count";
  EXPECT_EQ(value(duration, of_m + R"(,error_type="")"), 3);
  EXPECT_EQ(value(duration, of_m + R"(,error_type="upstream_timeout")"), 1);
  EXPECT_EQ(value("gen_ai_client_operation_time_to_first_chunk_seconds_sum", of_m), 6);
  const std::string tokens = "gen_ai_client_token_usage_sum";
  EXPECT_EQ(value(tokens, of_m + R"(,gen_ai_token_type="input")"), 9);
  EXPECT_EQ(value(tokens, of_m + R"(,gen_ai_token_type="output")"), 10);
}

}  // namespace
