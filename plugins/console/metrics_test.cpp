#include "metrics.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::console {
namespace {

struct MetricsTest : ::testing::Test {
  testing::Harness h;  // for JSON

  Document samples(View text) {
    std::string json;
    write_metrics(text, json);
    return testing::parse(json);
  }
};

TEST_F(MetricsTest, HasEachSample) {
  const Document all = samples(
      "# HELP calls_total Calls.\n"
      "# TYPE calls_total counter\n"
      "calls_total{model=\"m\",code=\"200\"} 12\n"
      "calls_total{model=\"m\",code=\"429\"} 3\n"
      "up 1.5e-3\n");
  ASSERT_EQ(all.root().size(), 3u);
  EXPECT_EQ(all.root().at(0)["name"].str(), "calls_total");
  EXPECT_EQ(all.root().at(0)["labels"]["model"].str(), "m");
  EXPECT_EQ(all.root().at(1)["labels"]["code"].str(), "429");
  EXPECT_EQ(all.root().at(1)["value"].integer(), 3);
  EXPECT_EQ(all.root().at(2)["labels"].size(), 0u);
  EXPECT_EQ(all.root().at(2)["value"].real(), 0.0015);
}

TEST_F(MetricsTest, KeepsAnyTextInALabel) {
  const Document all = samples(R"(a{x="q\"b\\n\n, {y=\"1\"} ",le="+Inf"} 2)");
  EXPECT_EQ(all.root().at(0)["labels"]["x"].str(), "q\"b\\n\n, {y=\"1\"} ");
  EXPECT_EQ(all.root().at(0)["labels"]["le"].str(), "+Inf");
  EXPECT_EQ(all.root().at(0)["value"].integer(), 2);
}

TEST_F(MetricsTest, HasNullForWhatJsonCannotWrite) {
  for (const char* text : {"a NaN", "a +Inf", "a{x=\"1\"} -Inf"}) {
    const Document all = samples(text);
    EXPECT_TRUE(all.root().at(0)["value"].is_null()) << text;
    EXPECT_EQ(all.root().at(0)["name"].str(), "a") << text;
  }
}

}  // namespace
}  // namespace gatehouse::plugins::console
