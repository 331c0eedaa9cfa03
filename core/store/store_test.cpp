#include "core/store/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/net/wait.h"
#include "gatehouse/text.hpp"
#include "tests/core/redis_server.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

/// What a plugin may rely on, wherever the store keeps things.
class StoreTest : public testing::TestWithParam<const char*> {
 protected:
  StoreTest() {
    LogSettings quiet;
    quiet.level = "error";
    log_.emplace(quiet);
    StoreSettings settings{{}, 64 << 20};
    if (std::string_view(GetParam()) == "redis") settings.redis = redis_.emplace().settings;
    store_ = Store::open(settings, *log_);
  }

  std::string get(std::string_view key) {
    Store::Value value;
    const gh_status status = store_->get(key, value);
    return status == GH_OK ? *value : "status " + std::to_string(status);
  }
  std::int64_t add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl = 1min) {
    std::int64_t total = -1;
    EXPECT_EQ(store_->add(key, by, ttl, total), GH_OK);
    return total;
  }
  static gh_quota quota(std::string_view key, std::int64_t limit,
                        std::chrono::nanoseconds window = 1min, std::int64_t cost = 1) {
    return {raw(key), limit, window.count(), cost, 0, 0, {}};
  }

  static gh_addition addition(std::string_view key, std::int64_t by,
                              std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                              std::chrono::nanoseconds ttl = 1min) {
    return {raw(key), by, ttl.count(), most, 0, {}};
  }

  /// How long `condition` took to come true.
  template <class Condition>
  static Clock::duration until(Condition condition) {
    const auto begin = Clock::now();
    while (!condition() && Clock::now() - begin < 5s) std::this_thread::yield();
    return Clock::now() - begin;
  }

  /// 64 threads take from a quota, the n-th with the n-th of some costs, for five windows.
  void expect_never_above(std::int64_t limit, const std::vector<std::int64_t>& costs);

  const std::string absent_ = "status " + std::to_string(GH_ABSENT);
  std::optional<RedisServer> redis_;
  std::optional<Log> log_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Each, StoreTest, testing::Values("memory", "redis"),
                         [](const auto& each) { return each.param; });

TEST_P(StoreTest, IsUpAndReportsItsKind) {
  EXPECT_TRUE(store_->up());
  EXPECT_STREQ(store_->kind(), GetParam());
  EXPECT_EQ(store_->waits(), redis_.has_value());
}

TEST_P(StoreTest, KeysAndValuesAreBytes) {
  using namespace std::string_literals;
  const std::string key = "a\0b\r\n"s, value = "\xff\0\r\n$-1\r\n"s;
  EXPECT_EQ(get(key), absent_);
  EXPECT_EQ(store_->put(key, value, 1min), GH_OK);
  EXPECT_EQ(get(key), value);
  EXPECT_EQ(get("a"), absent_);
  EXPECT_EQ(store_->put(key, "", 1min), GH_OK);
  EXPECT_EQ(get(key), "");
  EXPECT_EQ(store_->put("large", std::string(3 << 20, 'x'), 1min), GH_OK);
  EXPECT_EQ(get("large").size(), 3u << 20);
}

TEST_P(StoreTest, AValueExpiresAfterItsTime) {
  EXPECT_EQ(store_->put("long", "x", 24h * 366), GH_OK);
  EXPECT_EQ(store_->put("short", "x", 60ms), GH_OK);
  EXPECT_GE(until([&] { return get("short") == absent_; }), 50ms);
  EXPECT_EQ(get("short"), absent_);
  EXPECT_EQ(get("long"), "x");
}

TEST_P(StoreTest, AValueTooLargeForTheStoreIsInvalid) {
  EXPECT_EQ(store_->put("a", "x", 1min), GH_OK);
  EXPECT_EQ(store_->put("a", std::string(9 << 20, 'x'), 1min), GH_INVALID);
  EXPECT_EQ(get("a"), "x");
}

TEST_P(StoreTest, ACounterExpiresAfterItsFirstTime) {
  EXPECT_EQ(add("a", 5, 60ms), 5);
  EXPECT_EQ(add("a", -7, 1min), -2);
  EXPECT_LT(until([&] { return add("a", 0, 1h) == 0; }), 4s)
      << "another time was given later, and does not count";
  EXPECT_EQ(add("b", (1ll << 53) + 1), (1ll << 53) + 1);
}

TEST_P(StoreTest, ACounterDoesNotOverflow) {
  std::int64_t total;
  EXPECT_EQ(add("a", std::numeric_limits<std::int64_t>::max()),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(store_->add("a", 1, 1min, total), GH_INVALID);
  EXPECT_EQ(add("a", -1), std::numeric_limits<std::int64_t>::max() - 1);
}

TEST_P(StoreTest, AKeyIsForOneThing) {
  Store::Value value;
  std::int64_t total;
  gh_quota q = quota("value", 1);
  EXPECT_EQ(store_->put("value", "x", 1min), GH_OK);
  EXPECT_EQ(store_->add("value", 1, 1min, total), GH_INVALID);
  EXPECT_EQ(store_->take(&q, 1), GH_INVALID);
  q = quota("quota", 1);
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
  EXPECT_EQ(store_->get("quota", value), GH_INVALID);
  EXPECT_EQ(store_->add("quota", 1, 1min, total), GH_INVALID);
  EXPECT_TRUE(store_->up()) << "that was not the store's fault";
}

TEST_P(StoreTest, WhatIsErasedIsGone) {
  gh_quota q = quota("quota", 1);
  EXPECT_EQ(store_->put("value", "x", 1min), GH_OK);
  EXPECT_EQ(add("counter", 5), 5);
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
  for (const char* key : {"value", "counter", "quota", "none"})
    EXPECT_EQ(store_->erase(key), GH_OK);
  EXPECT_EQ(get("value"), absent_);
  EXPECT_EQ(add("counter", 0), 0);
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
}

TEST_P(StoreTest, ClearTakesItsPrefixLiterally) {
  const std::string prefixes[] = {"a*", "a?", "a[b]", "a\\", "a[^", "ab"};
  for (const std::string& erased : prefixes) {
    for (const std::string& prefix : prefixes)
      EXPECT_EQ(store_->put(prefix + "key", "x", 1min), GH_OK);
    EXPECT_EQ(store_->clear(erased), GH_OK);
    for (const std::string& prefix : prefixes) {
      EXPECT_EQ(get(prefix + "key"), prefix == erased ? absent_ : "x")
          << erased << " was erased, this is " << prefix;
    }
  }
}

TEST_P(StoreTest, ClearErasesAnyNumberOfKeysOfAllKinds) {
  for (int i = 0; i < 3000; ++i)
    ASSERT_EQ(store_->put("mine:" + std::to_string(i), "x", 1min), GH_OK);
  EXPECT_EQ(add("mine:counter", 5), 5);
  EXPECT_EQ(store_->put("other:", "x", 1min), GH_OK);
  EXPECT_EQ(store_->clear("mine:"), GH_OK);
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(get("mine:" + std::to_string(i)), absent_);
  EXPECT_EQ(add("mine:counter", 0), 0);
  EXPECT_EQ(get("other:"), "x");
}

TEST_P(StoreTest, AQuotaReportsWhatIsLeftAndWhen) {
  gh_quota q = quota("a", 2);
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
  EXPECT_EQ(q.remaining, 1);
  EXPECT_EQ(q.reset_ns, q.window_ns);
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
  EXPECT_EQ(q.remaining, 0);
  EXPECT_LT(q.reset_ns, q.window_ns) << "the time of the first take, not of this one";
  EXPECT_EQ(store_->take(&q, 1), GH_ABSENT);
  EXPECT_EQ(q.remaining, -1);
  EXPECT_GT(q.reset_ns, q.window_ns - std::chrono::nanoseconds(5s).count());
}

TEST_P(StoreTest, ARejectedCallSucceedsAtTheReportedTime) {
  gh_quota q = quota("a", 1, 100ms);
  ASSERT_EQ(store_->take(&q, 1), GH_OK);
  ASSERT_EQ(store_->take(&q, 1), GH_ABSENT);
  const auto then = Clock::now() + std::chrono::nanoseconds(q.reset_ns);
  while (Clock::now() < then + 1us) std::this_thread::yield();  // Redis counts in microseconds
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
}

TEST_P(StoreTest, WhatIsTakenHereCountsTogetherWithWhatPassed) {
  gh_quota q = quota("a", 2);
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
  EXPECT_EQ(store_->take_here(&q, 1), GH_OK);
  EXPECT_EQ(store_->take(&q, 1), GH_ABSENT);
  EXPECT_EQ(store_->take_here(&q, 1), GH_ABSENT);
  EXPECT_EQ(q.remaining, -1);
}

TEST_P(StoreTest, TheLargestLimitIsCountedToTheUnit) {
  constexpr std::int64_t kLimit = Store::kMaxLimit;
  gh_quota q = quota("a", kLimit, 1min, kLimit - 1);
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
  EXPECT_EQ(q.remaining, 1);
  q.cost = 1;
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
  EXPECT_EQ(q.remaining, 0);
  EXPECT_EQ(store_->take(&q, 1), GH_ABSENT);
  ++q.limit;
  EXPECT_EQ(store_->take(&q, 1), GH_INVALID);
}

TEST_P(StoreTest, SeveralQuotasAreTakenAllOrNone) {
  gh_quota both[] = {quota("minute", 2), quota("second", 1, 100ms)};
  EXPECT_EQ(store_->take(both, 2), GH_OK);
  EXPECT_EQ(store_->take(both, 2), GH_ABSENT);
  EXPECT_EQ(both[0].remaining, 1) << "nothing was taken";
  EXPECT_EQ(both[1].remaining, -1);
  EXPECT_LT(until([&] { return store_->take(both, 2) == GH_OK; }), 4s);
  EXPECT_EQ(both[0].remaining, 0);
  EXPECT_EQ(both[1].remaining, 0);
}

TEST_P(StoreTest, ALimitThatIsLoweredCountsWhatWasTaken) {
  gh_quota q = quota("a", 3);
  for (int i = 0; i < 2; ++i) ASSERT_EQ(store_->take(&q, 1), GH_OK);
  until([begin = Clock::now()] { return Clock::now() - begin > 20ms; });
  const auto third = Clock::now();
  ASSERT_EQ(store_->take(&q, 1), GH_OK);
  q.limit = 1;
  EXPECT_EQ(store_->take(&q, 1), GH_ABSENT);
  EXPECT_GT(std::chrono::nanoseconds(q.reset_ns), 1min - (Clock::now() - third) - 1ms)
      << "until the third no longer counts";
  q.limit = 4;
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
  EXPECT_EQ(q.remaining, 0);
}

TEST_P(StoreTest, ATakeCountsItsCost) {
  gh_quota large = quota("a", 10, 1min, 7), medium = quota("a", 10, 1min, 4),
           small = quota("a", 10, 1min, 3);
  EXPECT_EQ(store_->take(&large, 1), GH_OK);
  EXPECT_EQ(large.remaining, 3);
  EXPECT_EQ(store_->take(&medium, 1), GH_ABSENT);
  EXPECT_EQ(medium.remaining, -1);
  EXPECT_EQ(store_->take_here(&medium, 1), GH_ABSENT);
  EXPECT_EQ(store_->take(&small, 1), GH_OK);
  EXPECT_EQ(small.remaining, 0);
  EXPECT_EQ(store_->take(&small, 1), GH_ABSENT);
}

TEST_P(StoreTest, ACostAboveTheLimitIsInvalid) {
  gh_quota both[] = {quota("a", 3), quota("b", 3, 1min, 4)};
  EXPECT_EQ(store_->take(both, 2), GH_INVALID);
  EXPECT_EQ(store_->take_here(both, 2), GH_INVALID);
  both[1].cost = 3;
  EXPECT_EQ(store_->take(both, 2), GH_OK);
  EXPECT_EQ(both[0].remaining, 2) << "nothing was taken before";
  EXPECT_EQ(both[1].remaining, 0);
}

TEST_P(StoreTest, EachOfSeveralQuotasHasItsCost) {
  gh_quota both[] = {quota("requests", 10), quota("tokens", 100'000, 1min, 60'000)};
  EXPECT_EQ(store_->take(both, 2), GH_OK);
  EXPECT_EQ(both[0].remaining, 9);
  EXPECT_EQ(both[1].remaining, 40'000);
  EXPECT_EQ(store_->take(both, 2), GH_ABSENT);
  EXPECT_EQ(both[0].remaining, 9) << "nothing was taken";
  EXPECT_EQ(both[1].remaining, -1);
  both[1].cost = 40'000;
  EXPECT_EQ(store_->take(both, 2), GH_OK);
  EXPECT_EQ(both[0].remaining, 8);
  EXPECT_EQ(both[1].remaining, 0);
}

TEST_P(StoreTest, ARejectedCostSucceedsWhenEnoughNoLongerCounts) {
  gh_quota first = quota("a", 6, 200ms, 2), second = quota("a", 6, 200ms, 4);
  gh_quota small = quota("a", 6, 200ms, 2), large = quota("a", 6, 200ms, 3);
  ASSERT_EQ(store_->take(&first, 1), GH_OK);
  until([begin = Clock::now()] { return Clock::now() - begin > 20ms; });
  ASSERT_EQ(store_->take(&second, 1), GH_OK);
  ASSERT_EQ(store_->take(&small, 1), GH_ABSENT);
  ASSERT_EQ(store_->take(&large, 1), GH_ABSENT);
  EXPECT_GE(std::chrono::nanoseconds(large.reset_ns - small.reset_ns), 10ms)
      << "the first take is enough for the small one only";
  const auto then = Clock::now() + std::chrono::nanoseconds(large.reset_ns);
  while (Clock::now() < then + 1us) std::this_thread::yield();  // Redis counts in microseconds
  EXPECT_EQ(store_->take(&large, 1), GH_OK);
}

TEST_P(StoreTest, AdditionsAreMadeToAllCountersOrToNone) {
  gh_addition both[] = {addition("day", 7, 10), addition("month", 7, 100)};
  EXPECT_EQ(store_->add_all(both, 2), GH_OK);
  EXPECT_EQ(both[0].total, 7);
  EXPECT_EQ(both[1].total, 7);
  EXPECT_EQ(store_->add_all(both, 2), GH_ABSENT);
  EXPECT_EQ(both[0].total, 7) << "of the day there is too little";
  EXPECT_EQ(both[1].total, 7) << "nothing was added";
  both[0].by = 3;
  EXPECT_EQ(store_->add_all(both, 2), GH_OK);
  EXPECT_EQ(both[0].total, 10);
  EXPECT_EQ(both[1].total, 14);
  EXPECT_EQ(add("month", 1), 15) << "they are counters as any other";
}

TEST_P(StoreTest, WhatIsGivenBackIsNeverRefusedAndCanBeAddedAgain) {
  gh_addition a = addition("a", 10, 10), back = addition("a", -4, 0), again = addition("a", 4, 10);
  EXPECT_EQ(store_->add_all(&a, 1), GH_OK);
  EXPECT_EQ(store_->add_all(&again, 1), GH_ABSENT);
  EXPECT_EQ(store_->add_all(&back, 1), GH_OK) << "though 6 is above its most";
  EXPECT_EQ(back.total, 6);
  EXPECT_EQ(store_->add_all(&again, 1), GH_OK);
  gh_addition more = addition("a", 5);
  EXPECT_EQ(store_->add_all(&more, 1), GH_OK) << "without a most there is none";
  EXPECT_EQ(more.total, 15);
  EXPECT_EQ(store_->add_all(&again, 1), GH_ABSENT);
}

TEST_P(StoreTest, ACounterOfSeveralExpiresAfterItsFirstTime) {
  const auto none = std::numeric_limits<std::int64_t>::max();
  gh_addition both[] = {addition("short", 5, none, 60ms), addition("long", 5)};
  EXPECT_EQ(store_->add_all(both, 2), GH_OK);
  gh_addition later[] = {addition("short", 0, none, 1h), addition("long", 0)};
  EXPECT_LT(until([&] { return store_->add_all(later, 2) == GH_OK && later[0].total == 0; }), 4s);
  EXPECT_EQ(later[1].total, 5);
}

TEST_P(StoreTest, NothingIsAddedBesideWhatIsNoCounter) {
  gh_quota q = quota("quota", 1);
  EXPECT_EQ(store_->put("value", "x", 1min), GH_OK);
  EXPECT_EQ(store_->take(&q, 1), GH_OK);
  for (const char* other : {"value", "quota"}) {
    gh_addition both[] = {addition("counter", 1), addition(other, 1)};
    EXPECT_EQ(store_->add_all(both, 2), GH_INVALID) << other;
  }
  EXPECT_EQ(add("counter", 0), 0);
  EXPECT_TRUE(store_->up()) << "that was not the store's fault";
}

TEST_P(StoreTest, WhatIsAddedHereCountsTogetherWithTheRest) {
  gh_addition a = addition("a", 4, 10);
  EXPECT_EQ(store_->add_all(&a, 1), GH_OK);
  EXPECT_EQ(store_->add_all_here(&a, 1), GH_OK);
  EXPECT_EQ(store_->add_all_here(&a, 1), GH_ABSENT);
  EXPECT_EQ(a.total, 8);
  a.by = -4;
  EXPECT_EQ(store_->add_all(&a, 1), GH_OK);
  a.by = 4;
  EXPECT_EQ(store_->add_all_here(&a, 1), GH_OK) << "what was given back counts here, too";
}

TEST_P(StoreTest, CountersOfSixtyFourThreadsNeverEndAboveTheMost) {
  constexpr std::int64_t kMost = 1000;
  std::atomic<std::int64_t> added = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&, by = 1 + i % 7] {
      gh_addition both[] = {addition("a", by, kMost), addition("b", by)};
      for (gh_status status = GH_OK; status != GH_ABSENT;) {
        status = store_->add_all(both, 2);
        added += status == GH_OK ? by : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(added, kMost);
  EXPECT_GE(added, kMost / 2) << "on a busy machine some replies arrive too late";
  EXPECT_GE(add("b", 0), added);
}

void StoreTest::expect_never_above(std::int64_t limit, const std::vector<std::int64_t>& costs) {
  constexpr auto kWindow = 150ms;
  struct Take {
    Clock::time_point begin, end;
    std::int64_t cost;
  };
  std::vector<Take> takes;
  std::mutex mutex;
  std::vector<std::thread> threads;
  std::atomic<std::int64_t> total = 0;
  const auto begun = Clock::now();
  const auto goes_on = [&] {  // longer on a busy machine, where replies arrive too late
    const auto took = Clock::now() - begun;
    return took < 5 * kWindow || (total < 2 * limit && took < 100 * kWindow);
  };
  for (std::size_t i = 0; i < 64; ++i) {
    threads.emplace_back([&, cost = costs[i % costs.size()]] {
      while (goes_on()) {
        gh_quota both[] = {quota("a", limit, kWindow, cost), quota("b", 200'000)};
        const auto begin = Clock::now();
        const gh_status status = store_->take(both, 2);
        const auto end = Clock::now();
        if (status != GH_OK) continue;
        const std::lock_guard lock(mutex);
        takes.push_back({begin, end, cost});
        total += cost;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(total, 2 * limit);

  std::sort(takes.begin(), takes.end(),
            [](const Take& a, const Take& b) { return a.begin < b.begin; });
  for (auto first = takes.begin(); first != takes.end(); ++first) {
    std::int64_t units = 0;
    for (auto take = first; take != takes.end() && take->begin < first->begin + kWindow; ++take)
      units += take->end < first->begin + kWindow ? take->cost : 0;
    ASSERT_LE(units, limit) << "in the window from take " << first - takes.begin();
  }
}

TEST_P(StoreTest, NeverMoreThanTheLimitIsTakenInAnySpanOfTheWindow) { expect_never_above(20, {1}); }

TEST_P(StoreTest, CostsNeverAddUpToMoreThanTheLimit) { expect_never_above(20, {1, 2, 5}); }

TEST_P(StoreTest, TakesThatAreMergedNeverAddUpToMoreThanTheLimit) {
  expect_never_above(2000, {1, 7, 23});
}

}  // namespace
}  // namespace gatehouse::core
