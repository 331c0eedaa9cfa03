#include "metrics.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::metrics {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Harness;
using testing::Request;

constexpr const char* kTimed = "X-Server-Timing";

struct MetricsTest : ::testing::Test {
  Harness h;
  Metrics metrics{h.host(), h.config("{}")};

  /// For another plugin.
  void claim(View path) { h.host().route("POST", path); }
  double total(const std::string& labels) {
    return h.metrics["gatehouse_http_requests_total{" + labels + "}"];
  }
};

TEST_F(MetricsTest, ExposesAllMetricsToPrometheus) {
  Series(h.host(), GH_COUNTER, "words_total", "Words.", {{"length", "4"}}).record(3);
  const Answer answer = h.get(metrics, "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_NE(answer.body.find(R"(words_total{length="4"} 3)"), std::string::npos);
  EXPECT_TRUE(answer.complete);
}

TEST_F(MetricsTest, CountsRequestsByRouteMethodAndCode) {
  claim("/api/chat");
  h.next = testing::in_turn({testing::answer("hi"), testing::answer("hi"),
                             testing::fails({429, "rate_limited", "Slow down.", {}})});
  for (int i = 0; i < 3; ++i) h.post(metrics, "/api/chat", "{}");
  EXPECT_EQ(total(R"(route="/api/chat",method="POST",code="200")"), 2);
  EXPECT_EQ(total(R"(route="/api/chat",method="POST",code="429")"), 1);
}

TEST_F(MetricsTest, MakesNoLabelOfClientInput) {
  h.get(metrics, "/secret");
  h.run(metrics, Request("BREW", "/pot"));
  EXPECT_EQ(total(R"(route="other",method="GET",code="404")"), 1);
  EXPECT_EQ(total(R"(route="other",method="other",code="404")"), 1);
}

TEST_F(MetricsTest, CountsTheRequestsOfAPatternAsOneRoute) {
  h.host().route("GET", "/chats/*/stream");
  h.get(metrics, "/chats/secret/stream");
  h.get(metrics, "/chats/other/stream");
  EXPECT_EQ(total(R"(route="/chats/*/stream",method="GET",code="404")"), 2);
}

TEST_F(MetricsTest, TimesRequestsToTheEndOfTheResponse) {
  h.next = [this](Exchange& x, Sink& out) {
    Status status = out.emit(event::bytes("first"));
    h.advance(250ms);
    return status ? x.reply(out, 200, "text/plain", "last") : std::move(status);
  };
  h.get(metrics, "/");
  h.get(metrics, "/");
  EXPECT_EQ(
      h.metrics[R"(gatehouse_http_request_duration_seconds_count{route="other",method="GET"})"], 2);
  EXPECT_EQ(h.metrics[R"(gatehouse_http_request_duration_seconds_sum{route="other",method="GET"})"],
            0.5);
}

TEST_F(MetricsTest, CountsTheStatusThatWasSentAndNotALaterFailure) {
  h.next = [](Exchange&, Sink& out) -> Status {
    if (Status status = out.emit(event::bytes("half an ")); !status) return status;
    return Fail{502, "upstream_broken", "The model broke off.", {}};
  };
  h.get(metrics, "/");
  EXPECT_EQ(total(R"(route="other",method="GET",code="200")"), 1);
}

TEST_F(MetricsTest, CountsClientsThatLeaveBeforeTheResponseAs499) {
  h.next = [this](Exchange& x, Sink&) { return h.host().sleep(x, 2s); };
  Request request("GET", "/");
  request.patience = 1s;
  h.run(metrics, request);
  EXPECT_EQ(total(R"(route="other",method="GET",code="499")"), 1);
}

TEST_F(MetricsTest, DistinguishesDeadlinesFromShutdown) {
  h.next = [this](Exchange& x, Sink&) { return h.host().sleep(x, 2s); };
  Request late("GET", "/");
  late.time_limit = 1s;
  h.run(metrics, late);
  EXPECT_EQ(total(R"(route="other",method="GET",code="504")"), 1);

  h.next = [](Exchange&, Sink&) { return Status(GH_CANCELLED); };
  h.get(metrics, "/");
  EXPECT_EQ(total(R"(route="other",method="GET",code="503")"), 1);
}

TEST_F(MetricsTest, CountsChatsByOutcomeWhateverTheStatus) {
  const auto chat = [this](Status (*end)(Exchange & x, Sink & out)) {
    h.next = [end](Exchange& x, Sink& out) {
      (void)x.make_chat();
      if (Status status = out.emit(event::bytes("half an ")); !status) return status;
      return end(x, out);
    };
    h.get(metrics, "/");
  };
  chat([](Exchange& x, Sink& out) { return x.reply(out, 200, "text/plain", "answer"); });
  chat([](Exchange&, Sink&) -> Status {
    return Fail{502, "upstream_broken", "The model broke off.", {}};
  });
  chat([](Exchange&, Sink&) { return Status(GH_STOP); });
  chat([](Exchange&, Sink&) { return Status(GH_CANCELLED); });
  h.next = testing::answer("no chat");
  h.get(metrics, "/");

  const auto chats = [this](const std::string& labels) {
    return h.metrics["gatehouse_chats_total{" + labels + "}"];
  };
  EXPECT_EQ(chats(R"(outcome="ok",code="")"), 1);
  EXPECT_EQ(chats(R"(outcome="failed",code="upstream_broken")"), 1);
  EXPECT_EQ(chats(R"(outcome="left",code="")"), 1);
  EXPECT_EQ(chats(R"(outcome="cut",code="shutting_down")"), 1);
  EXPECT_EQ(total(R"(route="other",method="GET",code="200")"), 5);
}

TEST_F(MetricsTest, ExposesTheRequestsInFlight) {
  h.next = [this](Exchange& x, Sink& out) {
    h.get(metrics, "/metrics");
    return x.reply(out, 200, "text/plain", "hi");
  };
  h.get(metrics, "/");
  EXPECT_EQ(h.metrics["gatehouse_http_requests_in_flight"], 1);
  h.get(metrics, "/metrics");
  EXPECT_EQ(h.metrics["gatehouse_http_requests_in_flight"], 0);
}

TEST_F(MetricsTest, KeepsCountingRequestsInFlightAcrossAReload) {
  Harness later;
  Metrics newer(later.host(), later.config("{}"));
  newer.adopt(metrics);
  h.next = [&](Exchange& x, Sink& out) {
    later.get(newer, "/metrics");
    return x.reply(out, 200, "text/plain", "hi");
  };
  h.get(metrics, "/");
  EXPECT_EQ(later.metrics["gatehouse_http_requests_in_flight"], 1);
}

TEST_F(MetricsTest, ReportsTheTimesOfThePluginsOnRequest) {
  h.timing = "chat;dur=0.125";
  h.next = testing::answer("hi");
  EXPECT_EQ(h.get(metrics, "/", {{kTimed, "1"}}).header("Server-Timing"), "chat;dur=0.125");
  EXPECT_EQ(h.get(metrics, "/").header("Server-Timing"), "");
  h.next = testing::fails({429, "rate_limited", "Slow down.", {}});
  EXPECT_EQ(h.get(metrics, "/", {{kTimed, "1"}}).header("Server-Timing"), "chat;dur=0.125");
}

TEST(Metrics, ReportsNoTimesIfConfiguredSo) {
  Harness h;
  Metrics metrics(h.host(), h.config(R"({"server_timing": false})"));
  h.timing = "chat;dur=0.125";
  h.next = testing::answer("hi");
  EXPECT_EQ(h.get(metrics, "/", {{kTimed, "1"}}).header("Server-Timing"), "");
}

}  // namespace
}  // namespace gatehouse::plugins::metrics
