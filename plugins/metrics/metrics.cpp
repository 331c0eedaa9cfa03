#include "metrics.h"

#include <algorithm>
#include <array>

#include "gatehouse/toolkit/outcome.hpp"
#include "schema.h"

namespace gatehouse::plugins::metrics {
namespace {

constexpr std::array<View, 8> kMethods = {"GET",   "HEAD",   "POST",    "PUT",
                                          "PATCH", "DELETE", "OPTIONS", "other"};

std::size_t method_index(View method) {
  return static_cast<std::size_t>(std::find(kMethods.begin(), kMethods.end() - 1, method) -
                                  kMethods.begin());
}

/// Each route, method and code has its own.
int key_of(int route, std::size_t method, int code) {
  return ((route + 1) * static_cast<int>(kMethods.size()) + static_cast<int>(method)) * 1000 + code;
}

/// Writes the times of the plugins into the head of the answer, when that is about to begin, and,
/// for one that goes on after that, behind its end (RFC 9110 6.5).
class TimedAnswer final : public Sink {
 public:
  TimedAnswer(Sink& out, Exchange& x, const GatewayStatus& status)
      : out_(out), x_(x), status_(status) {}

  Status emit(Event event) override {
    if (event.has(GH_LAST)) {
      x_.set_header("Trailer", {});
      tell();
    } else if (!x_.committed()) {
      x_.set_header("Trailer", "Server-Timing");
      tell();
    }
    return out_.emit(event);
  }
  void tell() { x_.set_header("Server-Timing", status_.timing(x_)); }

 private:
  Sink& out_;
  Exchange& x_;
  const GatewayStatus& status_;
};

}  // namespace

Metrics::Metrics(Host host, Json config)
    : host_(host),
      status_(host),
      route_(host.route("GET", "/metrics")),
      server_timing_(config["server_timing"].boolean(true)),
      in_flight_series_(Series(host, GH_GAUGE, "gatehouse_http_requests_in_flight",
                               "Requests that are being answered.")),
      chats_ok_(chats("ok", {})) {}

Status Metrics::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() == route_) {
    in_flight_series_.record(in_flight_->load());
    x.set_header("Cache-Control", "no-store");
    return x.reply(out, 200, "text/plain; version=0.0.4; charset=utf-8", status_.metrics());
  }

  const auto began = host_.now();
  ++*in_flight_;
  Status status =
      server_timing_ && x.header("X-Server-Timing") == "1" ? timed(x, out, next) : next(x, out);
  --*in_flight_;
  const auto took = host_.now() - began;
  const Outcome outcome = outcome_of(host_, x, status);
  const Counts counted = counts(x, outcome.status);
  counted.requests.record();
  counted.seconds.record(std::chrono::duration<double>(took).count());
  if (x.chat()) (outcome.word == "ok" ? chats_ok_ : chats(outcome.word, outcome.code)).record();
  return status;
}

Status Metrics::timed(Exchange& x, Sink& out, Next& next) const {
  TimedAnswer answer(out, x, status_);
  Status status = next(x, answer);
  if (!x.committed()) answer.tell();  // a failure, whose answer the gateway writes
  return status;
}

Series Metrics::chats(View outcome, View code) const {
  return Series(host_, GH_COUNTER, "gatehouse_chats_total",
                "Chats, by how they ended, whatever status they began with.",
                {{"outcome", outcome}, {"code", code}});
}

/// Looks the series up by their labels once, and by number from then on.
Metrics::Counts Metrics::counts(const Exchange& x, int code) {
  const int route = x.route();
  const std::size_t method = method_index(x.method());
  const std::lock_guard lock(mutex_);
  const auto [known, is_new] = counts_.try_emplace(key_of(route, method, code));
  if (is_new) {
    const View path =
        route < 0 ? "other" : x.path();  // as a plugin has claimed it, so there are few
    known->second = {
        Series(host_, GH_COUNTER, "gatehouse_http_requests_total",
               "Requests, by what the client got.",
               {{"route", path}, {"method", kMethods[method]}, {"code", std::to_string(code)}}),
        Series(host_, GH_SECONDS, "gatehouse_http_request_duration_seconds",
               "Time to the end of the answer.", {{"route", path}, {"method", kMethods[method]}})};
  }
  return known->second;
}

}  // namespace gatehouse::plugins::metrics

GATEHOUSE_PLUGIN(gatehouse::plugins::metrics::Metrics, "metrics", "1.0.0",
                 "GET /metrics for Prometheus, and counts of requests", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_PROBES)
