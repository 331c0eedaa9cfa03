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
  ClientEnd client(Clock::now() + 5s), late(Clock::now() + 20ms);
  std::optional<Turn> all(std::in_place, kAll, client.waiter());
  EXPECT_EQ(all->wake(), Wake::ready);
  EXPECT_EQ(Turn(kSmall, client.waiter()).wake(), Wake::ready);
  EXPECT_EQ(Turn(kLarge, late.waiter()).wake(), Wake::cancelled);
  all.reset();
  EXPECT_EQ(Turn(kLarge, client.waiter()).wake(), Wake::ready);
}

TEST(Turn, ABodyBeyondTheSumIsParsedAlone) {
  ClientEnd client(Clock::now() + 5s), late(Clock::now() + 20ms);
  const Turn huge(2 * kAll, client.waiter());
  EXPECT_EQ(huge.wake(), Wake::ready);
  EXPECT_EQ(Turn(kLarge, late.waiter()).wake(), Wake::cancelled);
}

TEST(Turn, AClientThatLeavesGivesItsPlaceInTheQueueUp) {
  ClientEnd client(Clock::now() + 5s), leaves;
  std::optional<Turn> first(std::in_place, kLarge, client.waiter());
  leaves.leaves_at_wait(2);
  EXPECT_EQ(Turn(kAll, leaves.waiter()).wake(), Wake::gone);
  EXPECT_EQ(Turn(kLarge, client.waiter()).wake(), Wake::ready);
}

TEST(Turn, NobodyOvertakes) {
  ClientEnd client(Clock::now() + 5s), other, late(Clock::now() + 50ms);
  std::optional<Turn> first(std::in_place, kLarge, client.waiter());
  other.leaves_at_wait(20);
  std::thread second([&] { EXPECT_EQ(Turn(kAll, other.waiter()).wake(), Wake::gone); });
  Wake third = Wake::ready;  // until the second has come
  for (const auto began = Clock::now(); third == Wake::ready && Clock::now() < began + 5s;)
    third = Turn(kLarge, late.waiter()).wake();
  EXPECT_EQ(third, Wake::cancelled);
  second.join();
  EXPECT_EQ(Turn(kLarge, client.waiter()).wake(), Wake::ready);
}

}  // namespace
}  // namespace gatehouse::core
