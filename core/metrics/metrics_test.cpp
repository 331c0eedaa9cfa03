#include "core/metrics/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace gatehouse::core {
namespace {

std::string text(const Metrics& metrics) {
  std::string out;
  metrics.write(out);
  return out;
}

TEST(Metrics, CountersAddAndGaugesSet) {
  Metrics m;
  const auto calls = m.series(Metrics::kCounter, "calls_total", "Calls.", {{"plugin", "a"}});
  const auto open = m.series(Metrics::kGauge, "open", "Open now.", {});
  m.record(calls, 1);
  m.record(calls, 2);
  m.record(open, 5);
  m.record(open, 3);
  EXPECT_EQ(text(m),
            "# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total{plugin=\"a\"} 3\n"
            "# HELP open Open now.\n# TYPE open gauge\nopen 3\n");
}

TEST(Metrics, ACounterNeverShrinks) {
  Metrics m;
  const auto calls = m.series(Metrics::kCounter, "calls_total", "Calls.", {});
  m.record(calls, 2);
  m.record(calls, -1);
  EXPECT_NE(text(m).find("calls_total 2\n"), std::string::npos);
}

TEST(Metrics, AHistogramCountsEachValueInAllBucketsAboveIt) {
  Metrics m;
  const auto time = m.series(Metrics::kSeconds, "time_seconds", "Time.", {{"a", "b"}});
  m.record(time, 0.01);
  m.record(time, 100);
  const std::string t = text(m);
  EXPECT_NE(t.find("time_seconds_bucket{a=\"b\",le=\"0.005\"} 0\n"), std::string::npos) << t;
  EXPECT_NE(t.find("time_seconds_bucket{a=\"b\",le=\"0.01\"} 1\n"), std::string::npos) << t;
  EXPECT_NE(t.find("time_seconds_bucket{a=\"b\",le=\"81.92\"} 1\n"), std::string::npos) << t;
  EXPECT_NE(t.find("time_seconds_bucket{a=\"b\",le=\"+Inf\"} 2\n"), std::string::npos) << t;
  EXPECT_NE(t.find("time_seconds_sum{a=\"b\"} 100.01\ntime_seconds_count{a=\"b\"} 2\n"),
            std::string::npos)
      << t;
}

TEST(Metrics, TokensHaveBucketsTimesFour) {
  Metrics m;
  m.record(m.series(Metrics::kTokens, "tokens", "Tokens.", {}), 5);
  const std::string t = text(m);
  EXPECT_NE(t.find("tokens_bucket{le=\"4\"} 0\ntokens_bucket{le=\"16\"} 1\n"), std::string::npos)
      << t;
  EXPECT_NE(t.find("tokens_bucket{le=\"67108864\"} 1\ntokens_bucket{le=\"+Inf\"} 1\n"),
            std::string::npos)
      << t;
}

TEST(Metrics, TheSameLabelsAreTheSameSeries) {
  Metrics m;
  EXPECT_EQ(m.series(Metrics::kCounter, "a_total", "A.", {{"x", "1"}}),
            m.series(Metrics::kCounter, "a_total", "A.", {{"x", "1"}}));
  EXPECT_NE(m.series(Metrics::kCounter, "a_total", "A.", {{"x", "1"}}),
            m.series(Metrics::kCounter, "a_total", "A.", {{"x", "2"}}));
}

TEST(Metrics, WhatDoesNotFitItsFamilyIsRejected) {
  Metrics m;
  ASSERT_GE(m.series(Metrics::kCounter, "a_total", "A.", {{"x", "1"}}), 0);
  EXPECT_EQ(m.series(Metrics::kGauge, "a_total", "A.", {{"x", "1"}}), -1);
  EXPECT_EQ(m.series(Metrics::kCounter, "a b", "A.", {}), -1);
  EXPECT_EQ(m.series(Metrics::kCounter, "b_total", "A.", {{"x-y", "1"}}), -1);
  m.record(-1, 1);
}

TEST(Metrics, NewCodeMayExplainAMetricAnewAndGiveItOtherLabels) {
  Metrics m;
  m.record(m.series(Metrics::kCounter, "a_total", "A.", {{"x", "1"}}), 1);
  m.record(m.series(Metrics::kCounter, "a_total", "B.", {{"x", "1"}, {"y", "2"}}), 3);
  EXPECT_EQ(text(m),
            "# HELP a_total B.\n# TYPE a_total counter\n"
            "a_total{x=\"1\"} 1\na_total{x=\"1\",y=\"2\"} 3\n");
}

TEST(Metrics, AGaugeEndsWithItsLastOwner) {
  Metrics m;
  const auto open = m.series(Metrics::kGauge, "open", "Open now.", {{"x", "1"}});
  const auto count = m.series(Metrics::kCounter, "a_total", "A.", {});
  const std::string without = "# HELP a_total A.\n# TYPE a_total counter\na_total 0\n";
  const auto with = [&](const std::string& value) {
    return "# HELP open Open now.\n# TYPE open gauge\nopen{x=\"1\"} " + value + "\n" + without;
  };
  EXPECT_GE(count, 0);
  m.record(open, 7);
  EXPECT_EQ(text(m), with("7"));
  auto older = std::make_unique<Gauges>(m);
  older->own(open);
  older->own(open);
  {
    Gauges newer(m);
    newer.own(open);
    older.reset();
    EXPECT_EQ(text(m), with("7"));
  }
  EXPECT_EQ(text(m), without);
  Gauges later(m);
  later.own(open);
  EXPECT_EQ(text(m), with("0"));
}

TEST(Metrics, TooManySeriesOfANameAreCountedTogether) {
  Metrics m;
  for (int i = 0; i < 300; ++i)
    m.record(m.series(Metrics::kCounter, "a_total", "A.", {{"x", std::to_string(i)}}), 1);
  EXPECT_NE(text(m).find("a_total{x=\"199\"} 1\n"), std::string::npos);
  EXPECT_EQ(text(m).find("x=\"200\""), std::string::npos);
  EXPECT_NE(text(m).find("a_total{x=\"other\"} 100\n"), std::string::npos);
}

TEST(Metrics, TextsAreEscaped) {
  Metrics m;
  m.series(Metrics::kGauge, "b", "A \"b\"\\\n.", {});
  EXPECT_NE(text(m).find("# HELP b A \"b\"\\\\\\n.\n"), std::string::npos) << text(m);
  m.series(Metrics::kGauge, "a", "A.", {{"x", "q\"b\\n\n"}});
  EXPECT_NE(text(m).find("a{x=\"q\\\"b\\\\n\\n\"} 0\n"), std::string::npos) << text(m);
}

TEST(Metrics, NothingIsLostWhenThreadsCountTogether) {
  Metrics m;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n)
        m.record(m.series(Metrics::kCounter, "a_total", "A.", {{"x", std::to_string(n % 3)}}), 1);
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_NE(text(m).find("a_total{x=\"0\"} 1336\n"), std::string::npos) << text(m);
}

}  // namespace
}  // namespace gatehouse::core
