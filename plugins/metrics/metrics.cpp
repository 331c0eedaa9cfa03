#include "metrics.h"

#include <algorithm>
#include <array>

#include "gatehouse/toolkit/outcome.hpp"
#include "schema.h"
#include "timed.h"

namespace gatehouse::plugins::metrics {
namespace {

constexpr std::array<View, 8> kMethods = {"GET",   "HEAD",   "POST",    "PUT",
                                          "PATCH", "DELETE", "OPTIONS", "other"};

std::size_t method_index(View method);
int key_of(int route, std::size_t method, int code);

}  // namespace

Metrics::Metrics(Host host, Json config)
    : host_(host),
      status_(host),
      server_timing_(config["server_timing"].boolean()),
      in_flight_series_(Series(host, GH_GAUGE, "gatehouse_http_requests_in_flight",
                               "Requests whose response has not ended.")),
      chats_ok_(chats("ok", {})) {
  OpenApi(host).describe(GATEHOUSE_OPENAPI);
  host.route<&Metrics::expose>(this, "GET", "/metrics");
}

Status Metrics::handle(Exchange& x, Sink& out, Next& next) {
  const auto arrived = host_.now();
  const bool is_timed = server_timing_ && x.header("X-Server-Timing") == "1";
  ++*in_flight_;
  Status status = is_timed ? timed(x, out, next) : next(x, out);
  --*in_flight_;
  record(x, status, host_.now() - arrived);
  return status;
}

Status Metrics::expose(Exchange& x, Sink& out) {
  in_flight_series_.record(in_flight_->load());
  x.set_header("Cache-Control", "no-store");
  return x.reply(out, 200, "text/plain; version=0.0.4; charset=utf-8", status_.metrics());
}

Status Metrics::timed(Exchange& x, Sink& out, Next& next) const {
  Timed response(out, x, status_);
  Status status = next(x, response);
  if (!x.committed()) response.set_timing();  // of a failure, whose response the gateway writes
  return status;
}

void Metrics::record(const Exchange& x, const Status& status, std::chrono::nanoseconds time) {
  const Outcome outcome = outcome_of(host_, x, status);
  const Counts series = counts(x, outcome.status);
  series.requests.record();
  series.seconds.record(std::chrono::duration<double>(time).count());
  if (x.chat()) (outcome.word == "ok" ? chats_ok_ : chats(outcome.word, outcome.code)).record();
}

Series Metrics::chats(View outcome, View code) const {
  return Series(host_, GH_COUNTER, "gatehouse_chats_total",
                "Chats by outcome, whatever the status with which their response began.",
                {{"outcome", outcome}, {"code", code}});
}

/// Looks the series up by their labels once, and by number from then on.
Metrics::Counts Metrics::counts(const Exchange& x, int code) {
  const int route = x.route();
  const std::size_t method = method_index(x.method());
  const std::lock_guard lock(mutex_);
  const auto [known, is_new] = counts_.try_emplace(key_of(route, method, code));
  if (is_new) {
    const View path = route < 0 ? "other" : x.route_path();
    const View word = kMethods[method];
    known->second = {Series(host_, GH_COUNTER, "gatehouse_http_requests_total",
                            "HTTP requests by route, method and response status.",
                            {{"route", path}, {"method", word}, {"code", std::to_string(code)}}),
                     Series(host_, GH_SECONDS, "gatehouse_http_request_duration_seconds",
                            "Time from the arrival of a request to the end of its response.",
                            {{"route", path}, {"method", word}})};
  }
  return known->second;
}

namespace {

std::size_t method_index(View method) {
  return static_cast<std::size_t>(std::find(kMethods.begin(), kMethods.end() - 1, method) -
                                  kMethods.begin());
}

/// One number for each route, method and code.
int key_of(int route, std::size_t method, int code) {
  return ((route + 1) * static_cast<int>(kMethods.size()) + static_cast<int>(method)) * 1000 + code;
}

}  // namespace
}  // namespace gatehouse::plugins::metrics

GATEHOUSE_PLUGIN(gatehouse::plugins::metrics::Metrics, "metrics", "1.0.0",
                 "Exposes metrics at GET /metrics for Prometheus, and counts requests",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_PROBES | GH_PLUGIN_UNLOADS)
