#pragma once

#include <atomic>
#include <mutex>

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// Keeps requests away from an upstream that only fails: after so many failures in a row the circuit is open, and no request
/// goes through but one after each cooldown, to find out. Any thread.
class CircuitBreaker {
 public:
  CircuitBreaker(Host host, Json config);
  /// On a reload, before the first request.
  void adopt(CircuitBreaker& older);

  /// Nothing: a request may go through. Else how long none may.
  std::optional<std::chrono::nanoseconds> refuses();
  /// The upstream began to answer, or said why it does not.
  void answered();
  void failed();
  bool is_open() const { return failures_.load(std::memory_order_relaxed) >= max_failures_; }

 private:
  void show() const;

  const Host host_;
  const std::int64_t max_failures_;
  const std::chrono::nanoseconds cooldown_;
  const Series gauge_;
  std::mutex mutex_;                        // also while the host is told, so that it hears things in their order
  std::atomic<std::int64_t> failures_{0};   // in a row; written with mutex_ held
  std::chrono::nanoseconds open_until_{0};  // guarded by mutex_; without meaning unless open
};

}  // namespace gatehouse
