#include "core/report/watchdog.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/net/fiber.h"
#include "core/net/wait.h"

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class WatchdogTest : public testing::Test {
 protected:
  void TearDown() override { fs::remove(log_file_); }

  std::vector<nlohmann::json> log_lines() {
    log_.reset();
    std::vector<nlohmann::json> lines;
    std::ifstream in(log_file_);
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  const fs::path log_file_ =
      fs::temp_directory_path() / ("gatehouse_watchdog_test." + std::to_string(getpid()));
  std::optional<Log> log_{LogSettings{"info", log_file_.string()}};
  Watchdog watchdog_{*log_};
  const Activity::Clock::time_point later_ = Activity::Clock::now() + 6s;
};

TEST_F(WatchdogTest, NamesAPluginThatBlocksOnce) {
  {
    const InPlugin in(PluginLabel::of("slow", "1.2.3"), "handling a request", "4f1c-00000001");
    watchdog_.look(later_);
    watchdog_.look(later_ + 1s);
    EXPECT_EQ(busy_plugins(), "slow (4f1c-00000001)");
  }
  watchdog_.look(later_);
  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["plugin"], "slow");
  EXPECT_EQ(lines[0]["version"], "1.2.3");
  EXPECT_EQ(lines[0]["request"], "4f1c-00000001");
  EXPECT_EQ(lines[0]["while"], "handling a request");
}

TEST_F(WatchdogTest, NamesTheSamePluginAgainWhenItBlocksAgain) {
  const InPlugin in(PluginLabel::of("slow", "1"), "handling a request");
  watchdog_.look(later_);
  Activity::here().resume(Activity::Clock::now() + 1ms);  // as after a wait
  watchdog_.look(later_);
  EXPECT_EQ(log_lines().size(), 2u);
}

TEST_F(WatchdogTest, LeavesAlonePluginsThatWaitInTheHostOrDeclareThatTheyBlock) {
  {
    const InPlugin in(PluginLabel::of("waits", "1"), "handling a request");
    Activity::here().pause();
    watchdog_.look(later_);
    EXPECT_EQ(busy_plugins(), "");
    Activity::here().resume(Activity::Clock::now());
  }
  const InPlugin in(PluginLabel::of("computes", "1", true), "handling a request");
  watchdog_.look(later_);
  EXPECT_EQ(busy_plugins(), "computes") << "it holds up the shutdown all the same";
  EXPECT_EQ(log_lines().size(), 0u);
}

TEST_F(WatchdogTest, NamesAPluginThatHoldsUpOtherRequestsOnceAMinute) {
  Fiber fiber;
  for (int i = 0; i < 2; ++i) {
    fiber.begin([&] {
      const InPlugin in(PluginLabel::of("hogs", "1"), "handling a request", "4f1c-00000002");
      watchdog_.look(Activity::Clock::now() + 90ms);
      watchdog_.look(Activity::Clock::now() + 110ms);
    });
    EXPECT_FALSE(fiber.resume());
  }
  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["message"], "the plugin holds up the other requests of its thread");
  EXPECT_EQ(lines[0]["plugin"], "hogs");
  EXPECT_EQ(lines[0]["request"], "4f1c-00000002");
  EXPECT_GE(lines[0]["ms"], 100);
}

TEST_F(WatchdogTest, AWaitBeginsANewTerm) {
  const InPlugin in(PluginLabel::of("polls", "1"), "handling a request");
  Waiter waiter(-1, -1, Clock::time_point::max(), [] { return Clock::time_point::max(); });
  const auto began = Activity::Clock::now();
  (void)waiter.wait(-1, 0, began);
  Activity::each_busy([&](const Activity::Snapshot& call) { EXPECT_GE(call.since, began); });
}

}  // namespace
}  // namespace gatehouse::core
