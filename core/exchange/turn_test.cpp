#include "core/exchange/turn.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "tests/core/client_end.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAll = 128u << 20, kLarge = 20u << 20, kSmall = 1u << 20;

TEST(Turn, LargeBodiesBeyondTheSumWaitAndSmallOnesDoNot) {
  ClientEnd client, late(Clock::now() + 20ms);
  std::optional<Turn> all(std::in_place, kAll, client.waiter());
  EXPECT_EQ(all->wake(), Wake::ready);
  EXPECT_EQ(Turn(kSmall, client.waiter()).wake(), Wake::ready);
  EXPECT_EQ(Turn(kLarge, late.waiter()).wake(), Wake::cancelled);
  all.reset();
  EXPECT_EQ(Turn(kLarge, client.waiter()).wake(), Wake::ready);
}

TEST(Turn, ABodyBeyondTheSumIsParsedAlone) {
  ClientEnd client, late(Clock::now() + 20ms);
  const Turn huge(2 * kAll, client.waiter());
  EXPECT_EQ(huge.wake(), Wake::ready);
  EXPECT_EQ(Turn(kLarge, late.waiter()).wake(), Wake::cancelled);
}

TEST(Turn, AClientThatLeavesGivesItsPlaceInTheQueueUp) {
  ClientEnd client, leaves;
  std::optional<Turn> first(std::in_place, kLarge, client.waiter());
  leaves.leaves_at_wait(2);
  EXPECT_EQ(Turn(kAll, leaves.waiter()).wake(), Wake::gone);
  EXPECT_EQ(Turn(kLarge, client.waiter()).wake(), Wake::ready);
}

TEST(Turn, NobodyOvertakes) {
  ClientEnd client, other, late(Clock::now() + 50ms);
  std::optional<Turn> first(std::in_place, kLarge, client.waiter());
  other.leaves_at_wait(20);
  std::thread second([&] { EXPECT_EQ(Turn(kAll, other.waiter()).wake(), Wake::gone); });
  while (Turn(kLarge, late.waiter()).wake() == Wake::ready) {  // until the second has come
  }
  second.join();
  EXPECT_EQ(Turn(kLarge, client.waiter()).wake(), Wake::ready);
}

}  // namespace
}  // namespace gatehouse::core
