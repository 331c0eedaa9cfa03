#include "core/store/memory_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

bool has(Store& store, const std::string& key) {
  Store::Value value;
  return store.get(key, value) == GH_OK;
}

gh_status take(Store& store, std::string_view key, std::int64_t limit) {
  gh_quota quota{raw(key), limit, std::chrono::nanoseconds(1min).count(), 1, 0, 0, {}};
  return store.take(&quota, 1);
}

TEST(MemoryStore, KeepsAsManyBytesAsItMay) {
  MemoryStore store(1 << 20);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(store.put(std::to_string(i), std::string(30'000, 'x'), 1h), GH_OK);
  int kept = 0;
  for (int i = 0; i < 100; ++i) kept += has(store, std::to_string(i));
  EXPECT_LE(kept, (1 << 20) / 30'000);
  EXPECT_GE(kept, (1 << 20) / 30'000 / 2);
  EXPECT_TRUE(has(store, "99"));
}

TEST(MemoryStore, SmallEntriesCountWithWhatTheyCost) {
  MemoryStore store(1 << 20);
  int kept = 0;
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(store.put(std::to_string(i), "", 1h), GH_OK);
  for (int i = 0; i < 20'000; ++i) kept += has(store, std::to_string(i));
  EXPECT_LT(kept, (1 << 20) / 100);
}

TEST(MemoryStore, TheLeastRecentlyUsedIsEvicted) {
  MemoryStore store(1 << 20);
  ASSERT_EQ(store.put("used", "x", 1h), GH_OK);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(store.put(std::to_string(i), std::string(30'000, 'x'), 1h), GH_OK);
    ASSERT_TRUE(has(store, "used"));
  }
}

TEST(MemoryStore, QuotasAndCountersEvictNoValueWithinItsShare) {
  MemoryStore store(1 << 20);
  std::vector<std::string> keys;
  for (int i = 0; i < 8; ++i) {
    keys.push_back("value " + std::to_string(i));
    ASSERT_EQ(store.put(keys.back(), std::string(7000, 'x'), 1h),
              GH_OK);  // together within the share of values of any one shard
  }
  std::int64_t total;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(take(store, "quota " + std::to_string(i), 1), GH_OK);
    ASSERT_EQ(store.add("counter " + std::to_string(i), 1, 1h, total), GH_OK);
  }
  for (const std::string& key : keys) EXPECT_TRUE(has(store, key)) << key;
}

TEST(MemoryStore, ACounterOutlivesValuesAndQuotas) {
  MemoryStore store(1 << 20);
  std::int64_t total;
  ASSERT_EQ(store.add("used once", 1, 1h, total), GH_OK);
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(take(store, "quota " + std::to_string(i), 1), GH_OK);
    ASSERT_EQ(store.put("value " + std::to_string(i), std::string(1000, 'x'), 1h), GH_OK);
  }
  ASSERT_EQ(store.add("used once", 1, 1h, total), GH_OK);
  EXPECT_EQ(total, 2);
}

TEST(MemoryStore, WhatIsGivenBackCanBeTakenAgain) {
  MemoryStore store(1 << 20);
  gh_quota both[] = {{raw("a"), 2, std::chrono::nanoseconds(1min).count(), 1, 0, 0, {}},
                     {raw("b"), 2, std::chrono::nanoseconds(1min).count(), 1, 0, 0, {}}};
  Clock::time_point first, second;
  ASSERT_EQ(store.take(both, 2, first), GH_OK);
  ASSERT_EQ(store.take(both, 2, second), GH_OK);
  store.settle(both, 2, first, false);
  store.settle(both, 1, first, false);
  ASSERT_EQ(store.take(both, 2), GH_OK) << "once, however often it is given back";
  ASSERT_EQ(store.take(both, 2), GH_ABSENT);
  EXPECT_EQ(both[0].remaining, -1);
  EXPECT_EQ(both[1].remaining, -1);
  const auto left = std::chrono::nanoseconds(both[0].reset_ns);
  EXPECT_LE(Clock::now() + left - 1min - second, 1s);
  EXPECT_GE(Clock::now() + left, second + 1min) << "the second still counts for all of its time";
}

TEST(MemoryStore, WhatIsGivenBackLeavesTheOtherTakesOfItsEntry) {
  MemoryStore store(1 << 20);
  const auto of_cost = [](std::int64_t cost) {
    return gh_quota{raw("a"), 10'000, std::chrono::nanoseconds(1h).count(), cost, 0, 0, {}};
  };
  gh_quota back = of_cost(5), passed = of_cost(7), kept = of_cost(11);
  Clock::time_point of_back, of_passed;
  ASSERT_EQ(store.take(&back, 1, of_back), GH_OK);
  ASSERT_EQ(store.take(&passed, 1, of_passed), GH_OK);
  ASSERT_EQ(store.take(&kept, 1), GH_OK);
  store.settle(&back, 1, of_back, false);
  store.settle(&passed, 1, of_passed, true);
  gh_quota rest = of_cost(10'000 - 7 - 11);
  EXPECT_EQ(store.take(&rest, 1), GH_OK);
  EXPECT_EQ(rest.remaining, 0);
}

TEST(MemoryStore, WhatHasPassedCountsFromThenOn) {
  MemoryStore store(1 << 20);
  gh_quota quota{raw("a"), 1, std::chrono::nanoseconds(50ms).count(), 1, 0, 0, {}};
  Clock::time_point at;
  ASSERT_EQ(store.take(&quota, 1, at), GH_OK);
  while (Clock::now() < at + 40ms) std::this_thread::yield();
  const auto passed = Clock::now();
  store.settle(&quota, 1, at, true);
  while (store.take(&quota, 1) != GH_OK) std::this_thread::yield();
  EXPECT_GE(Clock::now(), passed + 50ms);
}

TEST(MemoryStore, AQuotaThatCountsOutlivesValues) {
  MemoryStore store(1 << 20);
  ASSERT_EQ(take(store, "quota", 1), GH_OK);
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(store.put(std::to_string(i), std::string(30'000, 'x'), 1h), GH_OK);
  EXPECT_EQ(take(store, "quota", 1), GH_ABSENT);
}

TEST(MemoryStore, ManyCallersStayWithinTheBound) {
  MemoryStore store(1 << 20);
  const auto count_kept = [&](int of) {
    int kept = 0;
    for (int i = of; i-- > 0;)
      kept += take(store, std::to_string(i), 1) == GH_ABSENT;  // the last first: taking evicts
    return kept;
  };
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(take(store, std::to_string(i), 1), GH_OK);
  const int kept = count_kept(20'000);
  EXPECT_GT(kept, 1000);
  EXPECT_LT(kept, (1 << 20) / 200);
}

TEST(MemoryStore, AdditionsOfManyCallersStayWithinTheBound) {
  MemoryStore store(1 << 20);
  const auto add = [&](int i) {
    const std::string key = std::to_string(i);
    gh_addition addition{raw(key), 1, std::chrono::nanoseconds(1h).count(), INT64_MAX, 0, {}};
    EXPECT_EQ(store.add_all(&addition, 1), GH_OK);
    return addition.total;
  };
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(add(i), 1);
  int kept = 0;
  for (int i = 100'000; i-- > 0;) kept += add(i) > 1;  // the last first: adding evicts
  EXPECT_GT(kept, 1000);
  EXPECT_LT(kept, (1 << 20) / 100);
}

TEST(MemoryStore, ManyThreadsTakeTheLimitAndNoMore) {
  MemoryStore store(64 << 20);
  std::atomic<int> taken = 0;
  std::latch all(64);
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      all.arrive_and_wait();
      while (take(store, "a", 200'000) == GH_OK) ++taken;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 200'000);
}

TEST(MemoryStore, ALargeLimitEvictsNoOtherQuota) {
  MemoryStore store(1 << 20);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(take(store, std::to_string(i), 1), GH_OK);
  for (int i = 0; i < 200'000; ++i) ASSERT_EQ(take(store, "large", 200'000), GH_OK);
  EXPECT_EQ(take(store, "large", 200'000), GH_ABSENT);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(take(store, std::to_string(i), 1), GH_ABSENT) << i;
}

TEST(MemoryStore, QuotasThatEvictEachOtherAreStillTaken) {
  MemoryStore store(1 << 20);
  std::vector<std::string> keys;
  for (int i = 0; i < 16; ++i) keys.push_back(std::to_string(i));
  std::vector<gh_quota> quotas;
  for (const std::string& key : keys)
    quotas.push_back({raw(key), 1000, std::chrono::nanoseconds(1min).count(), 1, 0, 0, {}});
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(store.take(quotas.data(), quotas.size()), GH_OK);
}

}  // namespace
}  // namespace gatehouse::core
