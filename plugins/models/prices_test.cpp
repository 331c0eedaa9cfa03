#include "prices.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::models {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr auto kDay = std::chrono::nanoseconds(24h);
constexpr auto kNewYear2027 = 20'819 * kDay;  // days since 1970-01-01

/// US dollars for a million input tokens, or -1.
double of_a_million(const Prices& prices, View model, std::chrono::nanoseconds wall = {}) {
  const Document usage = parse(R"({"input_tokens": 1000000, "output_tokens": 0})");
  return prices.cost(model, TokenCounts(usage.root()), wall).value_or(-1);
}

struct Table : testing::Harness {
  std::vector<std::string> problems_of_file;
  Prices own(std::string text) {
    files["p.json"] = std::move(text);
    return Prices(host(), "p.json", problems_of_file);
  }
};

TEST(Prices, AVersionOfAModelHasItsPrice) {
  Table t;
  const Prices prices = t.own(R"({"models": {"big-5": {"input": 3, "output": 9}}})");
  for (const View known :
       {"big-5", "big-5-2025-08-07", "big-5-20250807", "big-5@20250807", "big-5-001"})
    EXPECT_EQ(of_a_million(prices, known), 3) << known;
  for (const View unknown : {"big-5-mini", "big-5-1", "big", "big-51", ""})
    EXPECT_EQ(of_a_million(prices, unknown), -1) << unknown;
}

TEST(Prices, APriceEndsWithItsDay) {
  Table t;
  const Prices prices = t.own(R"({"models": {"m": [
      {"until": "2026-12-31", "input": 1, "output": 1}, {"input": 2, "output": 1}]}})");
  EXPECT_EQ(of_a_million(prices, "m", kNewYear2027 - 1ns), 1);
  EXPECT_EQ(of_a_million(prices, "m", kNewYear2027), 2);
}

TEST(Prices, LongRequestsMayCostMore) {
  Table t;
  const Prices prices = t.own(R"({"models": {"m": {"input": 1, "output": 10,
      "long": {"above": 200000, "input": 2, "output": 20}}}})");
  const auto cost = [&](View usage) {
    const Document counts = parse(usage);
    return prices.cost("m", TokenCounts(counts.root()), {}).value();
  };
  EXPECT_DOUBLE_EQ(cost(R"({"input_tokens": 200000, "output_tokens": 100000})"), 0.2 + 1);
  EXPECT_DOUBLE_EQ(cost(R"({"input_tokens": 200001, "output_tokens": 100000})"), 0.400002 + 2);
}

TEST(Prices, CachedTokensHaveTheirOwnPrice) {
  Table t;
  const Prices prices = t.own(R"({"models": {
      "m": {"input": 10, "cached_input": 1, "cache_write": 12, "output": 0},
      "n": {"input": 10, "output": 0}}})");
  const Document usage = parse(R"({"input_tokens": 1000000, "cached_input_tokens": 500000,
                                   "cache_write_tokens": 100000})");
  EXPECT_DOUBLE_EQ(prices.cost("m", TokenCounts(usage.root()), {}).value(), 4 + 0.5 + 1.2);
  EXPECT_DOUBLE_EQ(prices.cost("n", TokenCounts(usage.root()), {}).value(), 10);
}

TEST(Prices, AFileReplacesModelsOfTheBuiltInTable) {
  Table t;
  const Prices prices = t.own(R"({"models": {"gpt-4.1": {"input": 7, "output": 7}}})");
  EXPECT_EQ(of_a_million(prices, "gpt-4.1"), 7);
  EXPECT_DOUBLE_EQ(of_a_million(prices, "gpt-4.1-mini"), 0.4);
  EXPECT_TRUE(t.problems_of_file.empty());
}

TEST(Prices, MistakesOfTheFileAreProblems) {
  Table t;
  (void)t.own(R"({"models": {"m": {"input": -1, "output": 1}}})");
  EXPECT_EQ(t.problems_of_file.size(), 1u);
}

}  // namespace
}  // namespace gatehouse::plugins::models
