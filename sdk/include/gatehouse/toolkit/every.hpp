/// At most one log line per interval for a fault that repeats.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace gatehouse {
inline namespace v1 {

/// True at most once per interval. Any thread.
class Every {
 public:
  explicit Every(std::chrono::nanoseconds interval = std::chrono::minutes(1))
      : interval_ns_(interval.count()) {}

  /// `if (warn_.due(host.now())) host.warn("...");`
  bool due(std::chrono::nanoseconds now) {
    std::int64_t next = next_ns_.load(std::memory_order_relaxed);
    return now.count() >= next && next_ns_.compare_exchange_strong(next, now.count() + interval_ns_,
                                                                   std::memory_order_relaxed);
  }

 private:
  const std::int64_t interval_ns_;
  std::atomic<std::int64_t> next_ns_{INT64_MIN};
};

}  // namespace v1
}  // namespace gatehouse
