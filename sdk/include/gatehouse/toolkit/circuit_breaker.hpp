/// A circuit breaker: keeps requests from an upstream that keeps failing.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "gatehouse/document.hpp"
#include "gatehouse/exchange.hpp"
#include "gatehouse/host.hpp"
#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse {
inline namespace v1 {

/// Keeps requests from an upstream that keeps failing. After a number of consecutive failed
/// requests the circuit opens: all requests are rejected, except one after each cooldown that
/// probes the upstream. A response closes the circuit. Any thread.
class CircuitBreaker {
 public:
  /// What to do when the circuit opens or closes: `failures` consecutive failures, or 0. Called in
  /// order, and not by two threads at once.
  using Changed = std::function<void(std::int64_t failures)>;

  /// `config`: `failures`, an integer, and `cooldown`, a duration.
  CircuitBreaker(Host host, Json config, Changed changed)
      : host_(host),
        max_failures_(config["failures"].integer()),
        cooldown_(config["cooldown"].duration()),
        changed_(std::move(changed)) {}

  /// On a reload, before the first request: continues with the state of the older one.
  void adopt(CircuitBreaker& older) {
    const std::scoped_lock lock(mutex_, older.mutex_);
    suspicious_ = older.suspicious_;
    resume(older.failures_, older.open_until_);
  }
  /// The same with other code: as JSON, whose `version` is that of the format. The callers whose
  /// suspect failures were counted are not part of it: each may count once more.
  std::string save() {
    const std::lock_guard lock(mutex_);
    std::string saved;
    JsonText(saved)
        .open('{')
        .member("version", std::int64_t{1})
        .member("failures", failures_.load())
        .member("open_until_ns", std::int64_t{open_until_.count()})
        .close('}');
    return saved;
  }
  bool restore(View saved) {
    auto state = Document::parse(saved);
    if (!state || state->root()["version"].integer() != 1) return false;
    const std::lock_guard lock(mutex_);
    resume(state->root()["failures"].integer(),
           std::chrono::nanoseconds(state->root()["open_until_ns"].integer()));
    return true;
  }

  /// How long requests are still rejected; nothing: this one may pass.
  std::optional<std::chrono::nanoseconds> rejects() {
    if (!is_open()) return std::nullopt;
    const std::lock_guard lock(mutex_);
    if (!is_open()) return std::nullopt;
    const auto now = host_.now();
    if (now < open_until_) return open_until_ - now;
    // This request is the probe. If it ends without a result, another follows after the cooldown.
    open_until_ = now + cooldown_;
    return std::nullopt;
  }
  /// The upstream has begun to respond.
  void responded() {
    if (failures_.load(std::memory_order_relaxed) == 0) return;  // the usual case: no lock
    const std::lock_guard lock(mutex_);
    const bool was_open = is_open();
    failures_ = 0;
    suspicious_.clear();
    if (was_open) report();
  }
  /// Counts what the final failure of a request means for the upstream. A suspect failure counts
  /// once per caller in a series, whom neither a claimed id nor another tenant makes a new one, so
  /// that none can open the circuit for all others. Others are the request's own fault: they end a
  /// series of failures, but close no circuit, as the upstream may not have been called.
  void judge(const Exchange& x, const Failure& failure) {
    if (failure.has(GH_FAIL_UPSTREAM)) return count();
    if (!failure.has(GH_FAIL_SUSPECT)) {
      if (!is_open()) responded();
      return;
    }
    const View user = x.caller().user;
    count_once(std::string(user.empty() ? x.client() : user));
  }
  bool is_open() const { return failures_.load(std::memory_order_relaxed) >= max_failures_; }

 private:
  void count() {
    const std::lock_guard lock(mutex_);
    add_failure();
  }
  void count_once(std::string caller) {
    const std::lock_guard lock(mutex_);
    // While it is open only probes fail: each restarts the cooldown, of any caller.
    if (is_open() || suspicious_.insert(std::move(caller)).second) add_failure();
  }
  // With the lock held:
  void resume(std::int64_t failures, std::chrono::nanoseconds open_until) {
    failures_ = failures;
    open_until_ = std::min(open_until, host_.now() + cooldown_);
    report();
  }
  void add_failure() {
    const bool was_open = is_open();
    ++failures_;
    if (!is_open()) return;
    open_until_ = host_.now() + cooldown_;
    if (!was_open) report();
  }
  void report() const { changed_(is_open() ? failures_.load() : 0); }

  const Host host_;
  const std::int64_t max_failures_;
  const std::chrono::nanoseconds cooldown_;
  const Changed changed_;
  std::mutex mutex_;                       // also held by changed_(), so that calls come in order
  std::atomic<std::int64_t> failures_{0};  // consecutive; written with mutex_ held
  // Guarded by mutex_:
  std::set<std::string> suspicious_;        // callers that were counted, at most max_failures_
  std::chrono::nanoseconds open_until_{0};  // meaningless unless open
};

}  // namespace v1
}  // namespace gatehouse
