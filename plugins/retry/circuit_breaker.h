#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::retry {

/// Keeps requests away from an upstream that only fails: after so many failed requests in a row the
/// circuit is open, and no request goes through but one after each cooldown, to find out. A caller
/// whose requests may be what the upstream fails at counts once in a row, lest one of them closes
/// the gateway for all others. Any thread.
class CircuitBreaker {
 public:
  CircuitBreaker(Host host, Json config);
  /// On a reload, before the first request.
  void adopt(CircuitBreaker& older);

  /// Nothing: a request may go through. Else how long none may.
  std::optional<std::chrono::nanoseconds> refuses();
  /// The upstream began to answer, or said why it does not.
  void answered();
  /// A request has failed for good, by these of GH_FAIL_UPSTREAM and GH_FAIL_SUSPECT.
  void failed(std::uint32_t flags, std::string caller);
  bool is_open() const { return failures_.load(std::memory_order_relaxed) >= max_failures_; }

 private:
  void show() const;

  const Host host_;
  const std::int64_t max_failures_;
  const std::chrono::nanoseconds cooldown_;
  const Series gauge_;
  std::mutex mutex_;  // also while the host is told, so that it hears things in their order
  std::atomic<std::int64_t> failures_{0};  // in a row; written with mutex_ held
  std::set<std::string>
      suspects_;  // guarded by mutex_; the callers that were counted as such, at most max_failures_
  std::chrono::nanoseconds open_until_{0};  // guarded by mutex_; without meaning unless open
};

}  // namespace gatehouse::plugins::retry
