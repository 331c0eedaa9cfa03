#include "budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::budget {
namespace {

using namespace std::chrono_literals;
using namespace testing;

/// A response that has used so many tokens.
NextFunction uses(std::int64_t input, std::int64_t output) {
  return events({"step-start", "text:Hi",
                 "usage:{\"input_tokens\":" + std::to_string(input) +
                     ",\"output_tokens\":" + std::to_string(output) + "}",
                 "step-finish:stop"});
}

/// As `response`, of a model with a price, from a gateway that adds up what it costs.
NextFunction costs(double usd, NextFunction response) {
  return [usd, response = std::move(response)](Exchange& x, Sink& out) {
    x.chat().edit("price").edit("input").set(1.0);
    x.chat().edit("price").edit("output").set(10.0);
    Status status = response(x, out);
    x.chat().erase(x.chat()["price"]);
    MutableJson notes = x.notes();
    notes.edit("cost_usd").set(notes["cost_usd"].real() + usd);
    return status;
  };
}

struct BudgetTest : ::testing::Test {
  BudgetTest() {
    h.be_strict();
    h.next = uses(60, 40);
  }

  std::unique_ptr<Plugin> budget(const std::string& limits, const std::string& more = "") {
    auto made = h.create(R"({"output_tokens": 100, "limits": [)" + limits + "]" + more + "}");
    EXPECT_EQ(h.problems, Events{});
    return made;
  }
  static Request request(const std::string& key = "ci", const std::string& members = "") {
    Request r("POST", "/v1/chat/completions");
    r.chat = R"({"model": "m", "messages": [])" + members + "}";
    r.caller = {"acme", "ada", key};
    return r;
  }
  Answer send(Plugin& plugin, const Request& r = request()) { return h.run(plugin, r); }
  double metric(const std::string& name, const std::string& labels = "") {
    return h.metrics.at("gatehouse_budget_" + name + "_total{plugin=\"test\"" + labels + "}");
  }

  Harness h;
};

// ---- Limits ------------------------------------------------------------------------------------

TEST_F(BudgetTest, RejectsWhatIsAboveALimitOfRequestsUntilItsWindowEnds) {
  const auto plugin = budget(R"({"for": "key", "per": "minute", "requests": 2})");
  h.advance(50s);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(send(*plugin).status, 200);
  const Answer rejected = send(*plugin);
  EXPECT_EQ(rejected.status, 429);
  EXPECT_EQ(rejected.failure.code, "budget_exceeded");
  EXPECT_EQ(rejected.failure.message,
            "The request exceeds the limit of 2 requests per minute for each key: 2 are used or "
            "reserved, and it may need 1. The limit resets in 10 s.");
  EXPECT_EQ(rejected.header("Retry-After"), "10");
  EXPECT_EQ(rejected.header("x-should-retry"), "");
  EXPECT_EQ(h.next_calls, 2);
  h.advance(10s);
  EXPECT_EQ(send(*plugin).status, 200);
  EXPECT_EQ(metric("decisions", ",decision=\"allowed\""), 3);
  EXPECT_EQ(metric("decisions", ",decision=\"refused\""), 1);
}

TEST_F(BudgetTest, ReservesAnEstimateAndSettlesWithWhatWasUsed) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 1000})");
  std::string during;
  h.next = [&](Exchange& x, Sink& out) {
    during = h.store.begin()->second;
    return uses(60, 40)(x, out);
  };
  const Answer first = send(*plugin, request("ci", R"(, "max_output_tokens": 500)"));
  EXPECT_EQ(during, "500");
  EXPECT_EQ(first.header("x-ratelimit-remaining-tokens"), "500");
  EXPECT_EQ(h.store.begin()->second, "100");
  const Answer second = send(*plugin);
  EXPECT_EQ(during, "200") << "the setting, of a request without a maximum";
  EXPECT_EQ(second.header("x-ratelimit-remaining-tokens"), "800");
}

TEST_F(BudgetTest, RejectsARequestWhoseEstimateDoesNotFit) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 1000})");
  h.next = uses(600, 300);
  EXPECT_EQ(send(*plugin).status, 200);
  const Answer rejected = send(*plugin, request("ci", R"(, "max_output_tokens": 101)"));
  EXPECT_EQ(rejected.failure.message,
            "The request exceeds the limit of 1000 tokens per day for each key: 900 are used "
            "or reserved, and it may need 101. The limit resets in 86400 s.");
  EXPECT_EQ(rejected.header("x-should-retry"), "false") << "not worth a client's own retries";
  EXPECT_EQ(rejected.header("x-ratelimit-remaining-tokens"), "100");
  EXPECT_EQ(send(*plugin).status, 200) << "100 fit";
}

TEST_F(BudgetTest, RejectsARequestThatCanNeverFit) {
  const auto plugin = budget(R"({"for": "key", "per": "minute", "tokens": 99})");
  const Answer rejected = send(*plugin);
  EXPECT_EQ(rejected.status, 429);
  EXPECT_EQ(rejected.failure.message,
            "The request may need 100 tokens, more than the limit of 99 tokens per minute for each "
            "key: shorten it, or lower its maximum of output tokens.");
  EXPECT_EQ(rejected.header("Retry-After"), "");
  EXPECT_EQ(rejected.header("x-should-retry"), "false");
}

TEST_F(BudgetTest, NobodyReservesLessThanNothing) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 1000})");
  EXPECT_EQ(send(*plugin, request("ci", R"(, "max_output_tokens": -500)"))
                .header("x-ratelimit-remaining-tokens"),
            "1000");
}

TEST_F(BudgetTest, CountsMoneyInMillionthsOfADollar) {
  const auto plugin = budget(R"({"for": "key", "per": "month", "usd": 0.5})");
  h.next = costs(0.3, uses(60, 40));
  EXPECT_EQ(send(*plugin).header("x-ratelimit-remaining-usd"), "0.5");
  EXPECT_EQ(h.store.begin()->second, "300000");
  std::string during;
  h.next = costs(0.1999, [&](Exchange& x, Sink& out) {
    during = h.store.begin()->second;
    return uses(60, 40)(x, out);
  });
  EXPECT_EQ(send(*plugin).header("x-ratelimit-remaining-usd"), "0.199");
  EXPECT_EQ(during, "301000") << "100 tokens at 10 dollars per million are reserved";
  EXPECT_EQ(h.store.begin()->second, "499900");
  EXPECT_EQ(send(*plugin).failure.message,
            "The request exceeds the limit of 0.5 USD per month for each key: 0.4999 are used or "
            "reserved, and it may need 0.001. The limit resets in 2678400 s.");
}

TEST_F(BudgetTest, WarnsWhenLimitsOfMoneyCountNothing) {
  const auto plugin = budget(R"({"for": "key", "per": "month", "usd": 0.5})");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(send(*plugin).status, 200);
  EXPECT_EQ(
      h.logs,
      (Events{"warn: limits in US dollars do not count responses of a model without a price"}));
}

TEST_F(BudgetTest, CallersHaveLimitsOfTheirOwn) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "requests": 1})");
  EXPECT_EQ(send(*plugin, request("a")).status, 200);
  EXPECT_EQ(send(*plugin, request("b")).status, 200);
  EXPECT_EQ(send(*plugin, request("a")).status, 429);
  EXPECT_EQ(send(*plugin, request("")).status, 200);
  EXPECT_EQ(send(*plugin, request("")).status, 429) << "unknown callers count together";
}

TEST_F(BudgetTest, EveryLimitThatAppliesMustHold) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "requests": 2},
                                {"for": "tenant", "per": "day", "requests": 3},
                                {"for": "everyone", "model": "gpt-*", "per": "day",
                                 "requests": 1})");
  EXPECT_EQ(send(*plugin, request("a")).status, 200);
  EXPECT_EQ(send(*plugin, request("a")).status, 200);
  EXPECT_EQ(send(*plugin, request("a")).status, 429);
  EXPECT_EQ(send(*plugin, request("b")).status, 200);
  const Answer rejected = send(*plugin, request("b"));
  EXPECT_EQ(rejected.status, 429) << "of the tenant";
  EXPECT_NE(rejected.failure.message.find("3 requests per day for each tenant"), std::string::npos);
}

TEST_F(BudgetTest, LimitsOfTheSameCountAreOne) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 1000},
                                {"for": "key", "match": "ci*", "per": "day", "tokens": 150})");
  EXPECT_EQ(send(*plugin).header("x-ratelimit-limit-tokens"), "150");
  EXPECT_EQ(h.store.size(), 1u);
  EXPECT_EQ(send(*plugin).status, 429);
  EXPECT_EQ(send(*plugin, request("other")).header("x-ratelimit-limit-tokens"), "1000");
}

TEST_F(BudgetTest, HonoursTheLimitsThatTheCallerBrings) {
  const auto plugin = budget("");
  const Request own = request("ci", R"(, "limits": [{"per": "day", "requests": 1}])");
  EXPECT_EQ(send(*plugin, own).status, 200);
  EXPECT_EQ(send(*plugin, own).failure.code, "budget_exceeded");
  EXPECT_EQ(send(*plugin).status, 200) << "a caller without limits";
  const Request wrong = request("ci", R"(, "limits": [{"per": "week", "requests": 1}])");
  EXPECT_EQ(send(*plugin, wrong).failure.code, "invalid_limits");
}

TEST_F(BudgetTest, CountsGoOnWhenAReloadChangesTheLimits) {
  const auto older = budget(R"({"for": "key", "per": "day", "requests": 9})");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(*older).status, 200);
  const auto newer = budget(R"({"for": "everyone", "per": "day", "requests": 9},
                               {"for": "key", "match": "c*", "per": "day", "requests": 4})");
  EXPECT_EQ(send(*newer).status, 200);
  EXPECT_EQ(send(*newer).status, 429);
}

TEST_F(BudgetTest, PassesOnWhatCallsNoModelOrHasNoLimit) {
  const auto plugin = budget(R"({"for": "key", "match": "x", "per": "day", "requests": 1})");
  EXPECT_EQ(send(*plugin).status, 200);
  EXPECT_EQ(send(*plugin, request("x", R"(, "count_only": true)")).status, 200);
  EXPECT_TRUE(h.store.empty());
}

TEST_F(BudgetTest, ReportsLimitsThatLimitNothing) {
  (void)h.create(R"({"limits": [{"for": "key", "per": "day"},
                                {"for": "everyone", "match": "a", "per": "day", "usd": 1}]})");
  EXPECT_EQ(h.problems,
            (Events{"/limits/0: limits nothing: set `requests`, `tokens` or `usd`",
                    "/limits/1/match: has no meaning for everyone: remove it, or change `for`"}));
}

// ---- What is settled ---------------------------------------------------------------------------

TEST_F(BudgetTest, AFailedCallPaysNothing) {
  const auto plugin =
      budget(R"({"for": "key", "per": "day", "requests": 5, "tokens": 500, "usd": 1})");
  h.next = fails({503, "overloaded", "Try again.", {}});
  EXPECT_EQ(send(*plugin).status, 503);
  for (const auto& [key, value] : h.store) EXPECT_EQ(value, "0") << key;
  EXPECT_EQ(h.store.size(), 3u);
}

TEST_F(BudgetTest, AClientThatLeavesPaysForWhatWasProduced) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 500, "usd": 1})");
  h.next =
      costs(0, events({"step-start", "text:" + std::string(160, 'x'), "text:more",
                       R"(usage:{"input_tokens":60,"output_tokens":300})", "step-finish:stop"}));
  Request r = request();
  r.leaves_after = 2;
  EXPECT_EQ(send(*plugin, r).code, GH_STOP);
  EXPECT_EQ(send(*plugin, request("ci", R"(, "max_output_tokens": 460)")).status, 429);
  EXPECT_EQ(h.store.begin()->second, "41") << "164 bytes; of the input there is nothing";
  EXPECT_EQ(std::next(h.store.begin())->second, "410") << "at 10 dollars per million tokens";
  EXPECT_EQ(metric("estimated"), 1);
}

TEST_F(BudgetTest, MoreThanTheEstimateCountsToo) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 500})");
  h.next = uses(0, 700);
  EXPECT_EQ(send(*plugin).status, 200);
  EXPECT_EQ(h.store.begin()->second, "700");
  EXPECT_EQ(send(*plugin).header("x-ratelimit-remaining-tokens"), "0");
}

TEST_F(BudgetTest, ARequestCountsInTheWindowInWhichItBegan) {
  const auto plugin = budget(R"({"for": "key", "per": "minute", "tokens": 150})");
  h.next = [&](Exchange& x, Sink& out) {
    h.advance(61s);
    return uses(60, 40)(x, out);
  };
  EXPECT_EQ(send(*plugin).status, 200);
  h.next = uses(60, 40);
  EXPECT_EQ(send(*plugin).header("x-ratelimit-remaining-tokens"), "50");
}

TEST_F(BudgetTest, RunningRequestsNeverReserveMoreThanTheLimit) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 1000})");
  constexpr int kRequests = 64;
  std::atomic<int> served = 0, rejected = 0;
  h.next = [&](Exchange& x, Sink& out) {
    ++served;
    const auto until = std::chrono::steady_clock::now() + 10s;  // each is still running when
    while (served + rejected < kRequests && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();  // the last one arrives
    return uses(0, 0)(x, out);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kRequests; ++i)
    threads.emplace_back([&] { rejected += send(*plugin).status == 429; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 10) << "100 tokens are reserved for each";
  EXPECT_EQ(rejected, 54);
  EXPECT_EQ(h.store.begin()->second, "0");
}

// ---- What is reported --------------------------------------------------------------------------

TEST_F(BudgetTest, HeadersReportTheLimitOfWhichTheLeastIsLeft) {
  const auto plugin = budget(R"({"for": "everyone", "per": "day", "requests": 5, "usd": 2.5},
                {"for": "key", "per": "minute", "requests": 10, "tokens": 1000})");
  h.advance(3s);
  const Answer answer = send(*plugin);
  EXPECT_EQ(answer.header("x-ratelimit-limit-requests"), "5");
  EXPECT_EQ(answer.header("x-ratelimit-remaining-requests"), "4");
  EXPECT_EQ(answer.header("x-ratelimit-reset-requests"), "23h59m57s");
  EXPECT_EQ(answer.header("x-ratelimit-limit-tokens"), "1000");
  EXPECT_EQ(answer.header("x-ratelimit-remaining-tokens"), "900");
  EXPECT_EQ(answer.header("x-ratelimit-reset-tokens"), "57s");
  EXPECT_EQ(answer.header("x-ratelimit-limit-usd"), "2.5");
  EXPECT_EQ(answer.header("X-Gatehouse-Budget-Warning"), "");
}

TEST_F(BudgetTest, ASoftLimitWarnsOnceInAWindow) {
  const auto plugin = budget(R"({"for": "key", "per": "minute", "requests": 10, "soft": 0.8})");
  for (int i = 1; i < 8; ++i)
    EXPECT_EQ(send(*plugin).header("X-Gatehouse-Budget-Warning"), "") << i;
  EXPECT_EQ(h.logs, Events{});
  EXPECT_EQ(send(*plugin).header("X-Gatehouse-Budget-Warning"),
            "80% of the limit of 10 requests per minute for each key is used");
  EXPECT_EQ(send(*plugin).header("X-Gatehouse-Budget-Warning"),
            "90% of the limit of 10 requests per minute for each key is used");
  const Events one = {
      "warn: a soft limit is reached {\"for\":\"key\",\"name\":\"ci\","
      "\"limit\":\"10 requests per minute\",\"used\":\"8\"}"};
  EXPECT_EQ(h.logs, one);
  EXPECT_EQ(metric("soft_limits"), 1);
  h.advance(60s);
  for (int i = 0; i < 8; ++i) (void)send(*plugin);
  EXPECT_EQ(metric("soft_limits"), 2) << "in the next window again";
}

TEST_F(BudgetTest, OneOfSeveralGatewaysWarnsOfASoftLimit) {
  const std::string limit = R"({"for": "key", "per": "day", "requests": 10, "soft": 0.1})";
  const auto one = budget(limit), other = budget(limit);
  (void)send(*one);
  (void)send(*other);
  EXPECT_EQ(metric("soft_limits"), 1);
}

TEST_F(BudgetTest, ASoftLimitWarnsOnceWithoutTheStoreToo) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "requests": 10, "soft": 0.1})");
  h.store_down = true;
  for (int i = 0; i < 3; ++i) (void)send(*plugin);
  EXPECT_EQ(metric("soft_limits"), 1);
}

TEST_F(BudgetTest, ShowsTheOperatorTheFullestLimits) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 1000},
                {"for": "everyone", "model": "m*", "per": "month", "usd": 1.5})");
  h.next = costs(0.3, uses(60, 40));
  (void)send(*plugin, request("a"));
  for (int i = 0; i < 5; ++i) (void)send(*plugin, request("b"));
  EXPECT_EQ(h.admin(*plugin, "GET", "/limits").body,
            R"({"limits":[)"
            R"({"for":"everyone","model":"m*","per":"month","unit":"usd","limit":1.5,"used":1.5,)"
            R"("left":0,"resets_at":1738368000,"refused":1,"refuses_until":1738368000},)"
            R"({"for":"key","name":"b","per":"day","unit":"tokens","limit":1000,"used":400,)"
            R"("left":600,"resets_at":1735776000,"refused":0},)"
            R"({"for":"key","name":"a","per":"day","unit":"tokens","limit":1000,"used":100,)"
            R"("left":900,"resets_at":1735776000,"refused":0}]})")
      << "the last request of b was rejected, by the limit of money";
}

TEST_F(BudgetTest, ShowsWhichCallersItRejectsNow) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 350})");
  const auto limits = [&] { return parse(h.admin(*plugin, "GET", "/limits").body); };
  for (int i = 0; i < 3; ++i) (void)send(*plugin, request("a"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(send(*plugin, request("a")).status, 429);
  (void)send(*plugin, request("b"));
  const Document now = limits();
  const Json first = now.root()["limits"].at(0), second = now.root()["limits"].at(1);
  EXPECT_EQ(first["name"].str(), "a");
  EXPECT_EQ(first["left"].integer(), 50);
  EXPECT_EQ(first["refused"].integer(), 2);
  EXPECT_EQ(first["refuses_until"].integer(), 1735776000) << "what it needs is more than is left";
  EXPECT_EQ(second["name"].str(), "b");
  EXPECT_FALSE(second["refuses_until"]);
  h.advance(24h);
  EXPECT_EQ(limits().root()["limits"].size(), 0u);
}

TEST_F(BudgetTest, RejectsNobodyNowOnceARunningRequestHasGivenBackWhatItReserved) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 350})");
  const auto refuses = [&] {
    const Document all = parse(h.admin(*plugin, "GET", "/limits").body);
    return bool(all.root()["limits"].at(0)["refuses_until"]);
  };
  h.next = [&](Exchange& x, Sink& out) {
    EXPECT_EQ(send(*plugin, request("ci", R"(, "max_output_tokens": 300)")).status, 429);
    EXPECT_TRUE(refuses());
    return uses(10, 10)(x, out);
  };
  (void)send(*plugin);
  EXPECT_FALSE(refuses());
}

TEST(Recent, KeepsTheAccountsThatWereUsedLast) {
  constexpr std::size_t kMost = 3;
  Recent<int> recent(kMost);
  for (int i = 0; i < 5; ++i) {
    recent.update(std::to_string(i), [i](int& value) { value = i; });
    recent.update("0", [](int&) {});
  }
  EXPECT_EQ(recent.all(), (std::vector<int>{0, 4, 3}));
}

TEST(Recent, WarnsOfAnAccountOnce) {
  RecentAccounts recent;
  Account account{"0", "key", "name", "", "day", std::chrono::seconds(10), kTokens, 100, 50};
  EXPECT_FALSE(recent.update(account));
  account.used = 50;
  EXPECT_TRUE(recent.update(account));
  EXPECT_FALSE(recent.update(account));
}

// ---- Without the store -------------------------------------------------------------------------

TEST_F(BudgetTest, CountsHereWhileTheStoreIsDown) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 350})");
  EXPECT_EQ(send(*plugin).status, 200);
  h.store_down = true;
  EXPECT_EQ(send(*plugin).status, 200);
  EXPECT_EQ(send(*plugin).status, 200);
  EXPECT_EQ(send(*plugin).status, 429);
  EXPECT_EQ(h.logs, (Events{"warn: the store is unavailable: budgets are counted by this gateway "
                            "alone"}));
  EXPECT_EQ(metric("decisions", ",decision=\"store_failure\""), 3);
}

TEST_F(BudgetTest, PassesEverythingWhileTheStoreIsDownIfItIsOpen) {
  const auto plugin =
      budget(R"({"for": "key", "per": "day", "requests": 1})", R"(, "on_store_failure": "open")");
  h.store_down = true;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(*plugin).header("x-ratelimit-limit-requests"), "");
  EXPECT_EQ(h.next_calls, 3);
}

TEST_F(BudgetTest, RejectsWhileTheStoreIsDownIfItIsClosed) {
  const auto plugin =
      budget(R"({"for": "key", "per": "day", "requests": 1})", R"(, "on_store_failure": "closed")");
  h.store_down = true;
  const Answer rejected = send(*plugin);
  EXPECT_EQ(rejected.status, 503);
  EXPECT_EQ(rejected.failure.code, "store_unavailable");
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(BudgetTest, SettlesHereWhenTheStoreFailsMeanwhile) {
  const auto plugin = budget(R"({"for": "key", "per": "day", "tokens": 1000})");
  h.next = [&](Exchange& x, Sink& out) {
    h.store_down = true;
    return uses(60, 40)(x, out);
  };
  EXPECT_EQ(send(*plugin, request("ci", R"(, "max_output_tokens": 900)")).status, 200);
  EXPECT_EQ(send(*plugin, request("ci", R"(, "max_output_tokens": 900)")).status, 200);
}

}  // namespace
}  // namespace gatehouse::plugins::budget
