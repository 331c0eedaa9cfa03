#pragma once

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::metrics {

/// Counts and times the requests that pass it, and shows all numbers of the gateway at GET
/// /metrics.
class Metrics final : public Plugin {
 public:
  Metrics(Host host, Json config);

  /// What still runs in `older` goes on after a reload.
  void adopt(Metrics& older) { in_flight_ = older.in_flight_; }
  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  /// What is recorded of the requests of one route, method and code.
  struct Counts {
    Series requests, seconds;
  };

  Status timed(Exchange& x, Sink& out, Next& next) const;
  Series chats(View outcome, View code) const;
  Counts counts(const Exchange& x, int code);

  const Host host_;
  const GatewayStatus status_;
  const int route_;
  const bool server_timing_;
  const Series in_flight_series_, chats_ok_;
  std::shared_ptr<std::atomic<int>> in_flight_ =
      std::make_shared<std::atomic<int>>(0);  // replaced before the first request

  std::mutex mutex_;
  std::unordered_map<int, Counts> counts_;  // guarded by mutex_; by key_of() in metrics.cpp
};

}  // namespace gatehouse::plugins::metrics
