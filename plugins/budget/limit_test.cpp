#include "limit.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::budget {
namespace {

using namespace std::chrono_literals;
using testing::Harness;

constexpr auto kDay = std::chrono::hours(24);

TEST(Limit, WindowsAreMinutesDaysAndMonthsOfTheCalendarInUtc) {
  const std::chrono::seconds new_year = 1735689600s;  // 2025-01-01T00:00:00Z
  EXPECT_EQ(end_of_window("minute", new_year), new_year + 1min);
  EXPECT_EQ(end_of_window("minute", new_year + 59999ms), new_year + 1min);
  EXPECT_EQ(end_of_window("minute", new_year + 1min), new_year + 2min);
  EXPECT_EQ(end_of_window("day", new_year + 23h), new_year + kDay);
  EXPECT_EQ(end_of_window("month", new_year), new_year + 31 * kDay);
  EXPECT_EQ(end_of_window("month", new_year + 31 * kDay), new_year + (31 + 28) * kDay);
  EXPECT_EQ(end_of_window("month", new_year - 1ns), new_year) << "December";
  const std::chrono::seconds leap_day = 1709164800s;  // 2024-02-29T00:00:00Z
  EXPECT_EQ(end_of_window("month", leap_day), leap_day + kDay);
  EXPECT_EQ(end_of_window("week", new_year), 0s);
}

TEST(Limit, MoneyIsRoundedUpToMillionthsOfADollar) {
  EXPECT_EQ(micro_usd(0.25), 250'000);
  EXPECT_EQ(micro_usd(0.1 + 0.2), 300'000) << "which is 0.30000000000000004";
  EXPECT_EQ(micro_usd(0.0000001), 1);
  EXPECT_EQ(micro_usd(0), 0);
  EXPECT_EQ(micro_usd(-1), 0);
  EXPECT_EQ(micro_usd(1e300), 1'000'000'000'000'000);
}

TEST(Limit, AmountsAreWrittenAsPeopleWriteThem) {
  EXPECT_EQ(text_of(kRequests, 60), "60 requests");
  EXPECT_EQ(text_of(kTokens, 1200), "1200 tokens");
  EXPECT_EQ(text_of(kUsd, 5'000'000), "5 USD");
  EXPECT_EQ(text_of(kUsd, 250'000), "0.25 USD");
  EXPECT_EQ(text_of(kUsd, 10'000'001), "10.000001 USD");
}

TEST(Limit, AppliesToTheCallersAndModelsThatItNames) {
  Harness h;
  const Caller ci{"acme", "ada", "ci-1"}, nobody;
  struct Case {
    const char* limit;
    Caller caller;
    const char* model;
    bool applies;
  };
  for (const Case& c :
       std::vector<Case>{{R"({"for": "key"})", ci, "m", true},
                         {R"({"for": "key"})", nobody, "m", true},
                         {R"({"for": "key", "match": "ci-1"})", ci, "m", true},
                         {R"({"for": "key", "match": "ci"})", ci, "m", false},
                         {R"({"for": "key", "match": "ci-*"})", ci, "m", true},
                         {R"({"for": "key", "match": "*"})", nobody, "m", true},
                         {R"({"for": "key", "match": "cd-*"})", ci, "m", false},
                         {R"({"for": "user", "match": "ada"})", ci, "m", true},
                         {R"({"for": "tenant", "match": "acme"})", ci, "m", true},
                         {R"({"for": "tenant", "match": "ada"})", ci, "m", false},
                         {R"({"for": "everyone", "model": "gpt-*"})", ci, "gpt-5", true},
                         {R"({"for": "everyone", "model": "gpt-*"})", ci, "claude", false},
                         {R"({"for": "everyone", "model": "gpt-5"})", ci, "gpt-5-mini", false},
                         {R"({"for": "everyone", "model": "gpt-*"})", ci, "", true}}) {
    EXPECT_EQ(Limit(h.json(c.limit)).applies_to(c.caller, c.model), c.applies)
        << c.limit << ' ' << c.caller.key << ' ' << c.model;
  }
}

}  // namespace
}  // namespace gatehouse::plugins::budget
