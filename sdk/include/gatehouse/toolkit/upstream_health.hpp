/// The health of an upstream, as requests and a probe in the background see it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// The health of an upstream. Any thread.
class UpstreamHealth {
 public:
  explicit UpstreamHealth(Host host) : host_(host) {}

  /// GH_UP, GH_DEGRADED or GH_DOWN, and the reason with its remedy. Only what the upstream or a
  /// setting is to blame for: a caller's mistake does not change the health.
  void report(int state, const std::string& reason) {
    const bool is_plain = state == GH_UP && reason.empty();
    // Nearly every report is the same as the last one: no lock, no write.
    if (is_plain && is_plain_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    is_plain_ = is_plain;
    if (reported_ == std::pair(state, reason)) return;
    reported_ = {state, reason};
    host_.health(state, reason);
  }

  /// A request has just shown how the upstream is: no probe is needed for a while.
  void note_request() { seen_at_ns_ = host_.now().count(); }

  /// For a background task: calls probe(x) whenever no request has shown the upstream's health for
  /// `interval`.
  template <class Probe>
  void watch(Exchange& x, std::chrono::nanoseconds interval, Probe probe) {
    while (host_.sleep(x, interval)) {
      if (host_.now().count() - seen_at_ns_ > interval.count()) probe(x);
    }
  }

 private:
  const Host host_;
  std::atomic<std::int64_t> seen_at_ns_{0};
  std::atomic<bool> is_plain_{true};  // the last report was GH_UP without a reason
  std::mutex mutex_;  // held during host_.health(), so that the host gets reports in order
  std::pair<int, std::string> reported_{GH_UP, {}};  // guarded by mutex_
};

}  // namespace v1
}  // namespace gatehouse
