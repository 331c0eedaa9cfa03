#include "exporter.h"

#include <gtest/gtest.h>

#include <string>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::traces {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::no_reply;
using testing::reply;

/// An exporter that a plugin owns, so that the harness can run its task.
struct Sender final : Plugin {
  Sender(Host host, Json config) : exporter(host, config) { background<&Sender::run>(host, this); }
  void run(Exchange& x) { exporter.run(x); }
  Exporter exporter;
};

struct ExporterTest : ::testing::Test {
  Exporter& make(View config = R"({"endpoint": "http://collector:4318"})") {
    return sender.emplace(h.host(), h.config(config)).exporter;
  }
  /// So many spans that they are sent at once.
  void add_batch(Exporter& exporter) {
    for (std::size_t i = 0; i < Queue::kBatch; ++i) exporter.add("{}");
  }
  double count(const std::string& result) {
    return h.metrics.at("gatehouse_trace_spans_total{result=\"" + result + "\"}");
  }
  /// The times for which it has waited before it sent a batch again.
  std::vector<std::chrono::nanoseconds>& waits() { return h.sleeps; }

  Harness h;
  std::optional<Sender> sender;
};

TEST_F(ExporterTest, SendsABatchAsOtlpJson) {
  Exporter& exporter = make(R"({"endpoint": "http://collector:4318", "service_name": "edge",
                                "headers": {"Authorization": "Bearer secret"}})");
  exporter.add(R"({"name":"a"})");
  exporter.add(R"({"name":"b"})");
  h.upstream.push(reply(200, "{}"));
  h.run_background();
  ASSERT_EQ(h.upstream.requests.size(), 1u);
  const auto& request = h.upstream.requests[0];
  EXPECT_EQ(request.base_url + request.path, "http://collector:4318/v1/traces");
  EXPECT_EQ(request.header("Content-Type"), "application/json");
  EXPECT_EQ(request.header("Authorization"), "Bearer secret");
  EXPECT_EQ(request.body, R"({"resourceSpans":[{"resource":{"attributes":[)"
                          R"({"key":"service.name","value":{"stringValue":"edge"}},)"
                          R"({"key":"service.version","value":{"stringValue":"1.0.0"}}]},)"
                          R"("scopeSpans":[{"scope":{"name":"gatehouse","version":"1.0.0"},)"
                          R"("spans":[{"name":"a"},{"name":"b"}]}]}]})");
  EXPECT_EQ(count("exported"), 2);
}

TEST_F(ExporterTest, SendsAgainWhatTheCollectorDoesNotTakeForNow) {
  add_batch(make());
  h.upstream.push(no_reply({502, "upstream_unreachable", "Unreachable.", "connection refused"}));
  h.upstream.push(reply(503, ""));
  h.upstream.push(reply(429, "", {{"Retry-After", "7"}}));
  h.upstream.push(reply(200, ""));
  h.run_background(0, 4);
  EXPECT_EQ(h.upstream.requests.size(), 4u);
  EXPECT_EQ(waits(), (std::vector<std::chrono::nanoseconds>{1s, 2s, 7s}));
  EXPECT_EQ(count("exported"), Queue::kBatch);
  ASSERT_EQ(h.logs.size(), 1u) << "one warning a minute";
  EXPECT_EQ(h.logs[0], "warn: the trace collector cannot be reached: connection refused");
}

TEST_F(ExporterTest, GivesUpWhatTheCollectorRejects) {
  make().add("{}");
  h.upstream.push(reply(400, "no"));
  h.run_background();
  EXPECT_EQ(count("rejected"), 1);
  EXPECT_EQ(h.logs.at(0),
            "warn: the trace collector responded with status 400; the spans are lost");
}

TEST_F(ExporterTest, CountsSpansThatTheCollectorRejectsInABatch) {
  Exporter& exporter = make();
  for (int i = 0; i < 3; ++i) exporter.add("{}");
  h.upstream.push(
      reply(200, R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}})"));
  h.run_background();
  EXPECT_EQ(count("exported"), 1);
  EXPECT_EQ(count("rejected"), 2);
  EXPECT_EQ(h.logs.at(0), "warn: the trace collector rejected spans: too old");
}

TEST_F(ExporterTest, DropsTheOldestSpansBeyondItsBounds) {
  Exporter& exporter = make();
  for (std::size_t i = 0; i < Queue::kMaxSpans + 3; ++i) exporter.add(std::to_string(i));
  EXPECT_EQ(count("dropped"), 3);
  h.upstream.push(reply(200, ""));
  h.run_background();
  EXPECT_NE(h.upstream.requests[0].body.find(R"("spans":[3,4,)"), std::string::npos);

  const std::string large(Queue::kMaxBytes / 4, '1');
  for (int i = 0; i < 5; ++i) exporter.add(large);
  EXPECT_GE(count("dropped"), 4);
}

TEST_F(ExporterTest, SendsAFullBatchAtOnce) {
  add_batch(make());
  h.upstream.push(reply(200, ""));
  const auto began = h.host().now();
  h.run_background(0, 1);
  EXPECT_EQ(h.host().now() - began, 0s);
  EXPECT_EQ(count("exported"), Queue::kBatch);
}

TEST_F(ExporterTest, TriesEachBatchOnceMoreWhenTheInstanceEnds) {
  add_batch(make());
  h.upstream.push(reply(503, ""));
  h.upstream.push(reply(503, ""));
  h.run_background(0, 1);  // the wait before the second attempt is ended
  EXPECT_EQ(h.upstream.requests.size(), 2u);
  EXPECT_EQ(count("dropped"), Queue::kBatch);
}

TEST_F(ExporterTest, RejectsHeadersOfTheGatewayItself) {
  make(R"({"endpoint": "http://collector:4318", "headers": {"host": "x"}})");
  EXPECT_EQ(h.problems,
            std::vector<std::string>{"/headers: the gateway itself sends Host: remove it"});
}

}  // namespace
}  // namespace gatehouse::plugins::traces
