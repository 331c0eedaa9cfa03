#include "core/store/takes.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kLargeLimit = 1'000'000;

gh_quota quota(std::int64_t limit, std::int64_t cost = 1) {
  return {{}, limit, std::chrono::nanoseconds(1s).count(), cost, 0, 0, {}};
}

TEST(Takes, OfASmallLimitAreExact) {
  Takes takes;
  gh_quota three = quota(12, 3);
  for (int i = 0; i < 4; ++i) takes.take(three, Clock::time_point(i * 1us));
  using Reset = std::pair<std::int64_t, std::chrono::nanoseconds>;
  for (const auto& [cost, reset] :
       {Reset{1, 1s}, Reset{3, 1s}, Reset{4, 1s + 1us}, Reset{12, 1s + 3us}}) {
    gh_quota q = quota(12, cost);
    EXPECT_FALSE(takes.has_room(q, Clock::time_point(0us)));
    EXPECT_EQ(std::chrono::nanoseconds(q.reset_ns), reset) << cost;
  }
  EXPECT_TRUE(takes.has_room(three, Clock::time_point(1s + 1us)));
  EXPECT_EQ(three.remaining, 6);
  EXPECT_EQ(std::chrono::nanoseconds(three.reset_ns), 1us);
}

TEST(Takes, OfALargeLimitAreMergedAndNeverCountTooLittle) {
  Takes takes;
  struct Take {
    Clock::time_point at;
    std::int64_t units;
  };
  std::deque<Take> exact, longest;  // the latter while a take may count at most
  std::int64_t least = 0, most = 0;
  for (int i = 0; i < 300'000; ++i) {
    gh_quota q = quota(kLargeLimit, 1 + i % 3);
    const Clock::time_point now(i * 10us + i % 7 * 1us);
    ASSERT_TRUE(takes.has_room(q, now));
    takes.take(q, now);
    exact.push_back({now, q.cost});
    longest.push_back({now, q.cost});
    least += q.cost;
    most += q.cost;
    for (; exact.front().at <= now - 1s; exact.pop_front()) least -= exact.front().units;
    for (; longest.front().at <= now - 1001ms; longest.pop_front()) most -= longest.front().units;
    ASSERT_GE(takes.units(), least);
    ASSERT_LE(takes.units(), most);
  }
  EXPECT_LE(takes.bytes(), 1024u * 16);
}

TEST(Takes, AreGivenBackByTheirTime) {
  for (const std::int64_t limit : {Takes::kParts, kLargeLimit}) {
    Takes takes;
    gh_quota three = quota(limit, 3), five = quota(limit, 5), seven = quota(limit, 7);
    const Clock::time_point first(1h), second(1h + 10us), later(1h + 500ms);
    takes.take(three, first);
    takes.take(five, second);
    takes.take(seven, later);
    EXPECT_TRUE(takes.give_back(three, first));
    EXPECT_EQ(takes.units(), 12);
    EXPECT_TRUE(takes.give_back(five, second));
    EXPECT_EQ(takes.units(), 7);
    EXPECT_FALSE(takes.give_back(three, first));
    EXPECT_TRUE(takes.has_room(three, later));
    EXPECT_EQ(three.reset_ns, three.window_ns) << "of the last take, the only one left";
  }
}

}  // namespace
}  // namespace gatehouse::core
