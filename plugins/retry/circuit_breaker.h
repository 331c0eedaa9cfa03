#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::retry {

/// Keeps requests from an upstream that keeps failing. After a number of consecutive failed
/// requests the circuit opens: all requests are rejected, except one after each cooldown that
/// probes the upstream. A response closes the circuit. Any thread.
class CircuitBreaker {
 public:
  CircuitBreaker(Host host, Json config);
  /// On a reload, before the first request: continues with the state of the older one.
  void adopt(CircuitBreaker& older);
  /// The same with other code: as JSON, whose `version` is that of the format. The callers that
  /// suspected_by() has counted are not part of it: each may count once more.
  std::string save();
  bool restore(View saved);

  /// How long requests are still rejected; nothing: this one may pass.
  std::optional<std::chrono::nanoseconds> rejects();
  /// The upstream has begun to respond.
  void responded();
  /// A request has failed by its own fault: it ends a series of failures, but closes no circuit,
  /// as the upstream may not have been called.
  void rejected();
  /// A request has failed because the upstream is out of order.
  void failed();
  /// A request has failed, and it may be the request that the upstream fails at. Counts once per
  /// caller in a series of consecutive failures, so that none can open the circuit for all others.
  void suspected_by(std::string caller);
  bool is_open() const { return failures_.load(std::memory_order_relaxed) >= max_failures_; }

 private:
  void resume(std::int64_t failures, std::chrono::nanoseconds open_until);
  void count();
  void report() const;

  const Host host_;
  const std::int64_t max_failures_;
  const std::chrono::nanoseconds cooldown_;
  const Series gauge_;
  std::mutex mutex_;  // also held by report(), so that the host gets reports in order
  std::atomic<std::int64_t> failures_{0};  // consecutive; written with mutex_ held
  // Guarded by mutex_:
  std::set<std::string> suspicious_;        // callers that were counted, at most max_failures_
  std::chrono::nanoseconds open_until_{0};  // meaningless unless open
};

}  // namespace gatehouse::plugins::retry
