#include "core/net/fiber.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace gatehouse::core {
namespace {

TEST(Fiber, GoesOnWhereItSuspendedItself) {
  Fiber fiber;
  std::string seen;
  fiber.begin([&] {
    seen += "a";
    fiber.suspend();
    seen += "c";
  });
  EXPECT_TRUE(fiber.resume());
  seen += "b";
  EXPECT_FALSE(fiber.resume());
  EXPECT_EQ(seen, "abc");
}

TEST(Fiber, CanBeginAgain) {
  Fiber fiber;
  int sum = 0;
  for (int i = 1; i <= 3; ++i) {
    fiber.begin([&sum, i] { sum += i; });
    EXPECT_FALSE(fiber.resume());
  }
  EXPECT_EQ(sum, 6);
}

TEST(Fiber, NeedsNoWork) { const Fiber fiber; }

TEST(Fiber, HandlesItsOwnExceptions) {
  Fiber first, second;
  std::string seen;
  const auto handle = [&seen](Fiber& fiber, const char* name) {
    try {
      throw std::runtime_error(name);
    } catch (const std::runtime_error&) {
      fiber.suspend();
      try {
        throw;  // what is being handled
      } catch (const std::runtime_error& e) {
        seen += e.what();
      }
    }
  };
  first.begin([&] { handle(first, "first "); });
  second.begin([&] { handle(second, "second "); });
  EXPECT_TRUE(first.resume() && second.resume());
  EXPECT_EQ(std::current_exception(), nullptr);
  EXPECT_FALSE(first.resume() || second.resume());
  EXPECT_EQ(seen, "first second ");
}

TEST(Fiber, NotesItsOwnActivity) {
  const PluginLabel &mine = PluginLabel::of("mine", "1"), &its = PluginLabel::of("its", "1");
  const InPlugin in(mine, "testing");
  Fiber fiber;
  fiber.begin([&] {
    const InPlugin inside(its, "handling a request");
    fiber.suspend();
    EXPECT_EQ(Activity::here().call().plugin, &its);
  });
  EXPECT_TRUE(fiber.resume());
  EXPECT_EQ(Activity::here().call().plugin, &mine);
  EXPECT_FALSE(fiber.resume());
}

TEST(Fiber, ReportsThatItsThreadIsBusy) {
  Fiber fiber;
  fiber.begin([&] {
    const InPlugin in(PluginLabel::of("busy", "1"), "handling a request");
    int busy = 0;
    Activity::each_busy([&](const Activity::Snapshot& call) {
      if (call.is_of_fiber && call.call.plugin->instance == "busy") ++busy;
    });
    EXPECT_EQ(busy, 1);
  });
  EXPECT_FALSE(fiber.resume());
}

}  // namespace
}  // namespace gatehouse::core
