#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::metrics {

/// Counts and times the requests that pass it, and exposes all metrics of the gateway at
/// GET /metrics.
class Metrics final : public Plugin {
 public:
  Metrics(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  /// Requests in flight in `older` still count.
  void adopt(Metrics& older) { in_flight_ = older.in_flight_; }

 private:
  /// The series of the requests of one route, method and code.
  struct Counts {
    Series requests, seconds;
  };

  Status expose(Exchange& x, Sink& out);
  Status timed(Exchange& x, Sink& out, Next& next) const;
  void record(const Exchange& x, const Status& status, std::chrono::nanoseconds time);
  Series chats(View outcome, View code) const;
  Counts counts(const Exchange& x, int code);

  const Host host_;
  const GatewayStatus status_;
  const bool server_timing_;
  const Series in_flight_series_, chats_ok_;
  // Replaced before the first request.
  std::shared_ptr<std::atomic<int>> in_flight_ = std::make_shared<std::atomic<int>>(0);

  std::mutex mutex_;
  std::unordered_map<int, Counts> counts_;  // guarded by mutex_; by key_of() in metrics.cpp
};

}  // namespace gatehouse::plugins::metrics
