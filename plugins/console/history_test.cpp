#include "history.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::console {
namespace {

using namespace std::chrono_literals;

// The first of the steps that end with it is 0.
constexpr History::milliseconds kNow = 3600s - 1ms;

struct HistoryTest : ::testing::Test {
  testing::Harness h;  // for JSON
  History history;

  /// A member of what the page gets.
  Json at(View name, std::size_t step, History::milliseconds now = kNow) {
    std::string text;
    history.write(now, text);
    written_.push_back(testing::parse(text));
    return written_.back().root()[name].at(step);
  }

 private:
  std::vector<Document> written_;
};

TEST_F(HistoryTest, CountsTheRequestsOfTenSeconds) {
  history.add(0ms, {});
  history.add(9999ms, {.has_failed = true});
  history.add(10s, {});
  EXPECT_EQ(at("requests", 0).integer(), 2);
  EXPECT_EQ(at("failures", 0).integer(), 1);
  EXPECT_EQ(at("requests", 1).integer(), 1);
  EXPECT_EQ(at("requests", 359).integer(), 0);
  EXPECT_EQ(at("requests", 360).integer(-1), -1);
}

TEST_F(HistoryTest, AddsUpTheTokensAndTheCostOfChats) {
  history.add(0ms, {.is_chat = true, .input_tokens = 7, .output_tokens = 2, .usd = 0.001});
  history.add(0ms, {.is_chat = true, .input_tokens = 5, .output_tokens = 1, .usd = 0.0005});
  EXPECT_EQ(at("chats", 0).integer(), 2);
  EXPECT_EQ(at("input_tokens", 0).integer(), 12);
  EXPECT_EQ(at("output_tokens", 0).integer(), 3);
  EXPECT_DOUBLE_EQ(at("usd", 0).real(), 0.0015);
}

TEST_F(HistoryTest, HasQuantilesWithinAFifth) {
  for (int ms = 1; ms <= 1000; ++ms)
    history.add(0ms, {.is_chat = true, .took_ms = double(ms), .first_token_ms = ms / 10.0});
  EXPECT_NEAR(at("p50_ms", 0).real(), 500, 100);
  EXPECT_NEAR(at("p95_ms", 0).real(), 950, 190);
  EXPECT_NEAR(at("first_token_p50_ms", 0).real(), 50, 10);
}

TEST_F(HistoryTest, HasNoQuantileOfNothing) {
  history.add(0ms, {.took_ms = 5});  // no chat
  EXPECT_TRUE(at("p50_ms", 0).is_null());
  EXPECT_TRUE(at("p50_ms", 1).is_null());
}

TEST_F(HistoryTest, CountsTheSlowestRequestsToo) {
  history.add(0ms, {.is_chat = true, .took_ms = 1e9});
  EXPECT_GT(at("p50_ms", 0).real(), 100'000);
}

TEST_F(HistoryTest, ForgetsWhatIsOlderThanAnHour) {
  history.add(0ms, {});
  history.add(3600s, {});
  EXPECT_EQ(at("requests", 359, 3600s).integer(), 1);
  EXPECT_EQ(at("requests", 0, 3600s).integer(), 0);
  history.add(0ms, {});  // from a clock that was set back
  EXPECT_EQ(at("requests", 0, 3600s).integer(), 0);
}

}  // namespace
}  // namespace gatehouse::plugins::console
