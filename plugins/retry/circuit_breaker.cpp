#include "circuit_breaker.h"

#include <algorithm>

#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::retry {

CircuitBreaker::CircuitBreaker(Host host, Json config)
    : host_(host),
      max_failures_(config["failures"].integer()),
      cooldown_(config["cooldown"].duration()),
      gauge_(host, GH_GAUGE, "gatehouse_circuit_open",
             "1 while the circuit is open: requests are rejected without an "
             "upstream call.",
             {{"plugin", host.instance()}}) {}

void CircuitBreaker::adopt(CircuitBreaker& older) {
  const std::scoped_lock lock(mutex_, older.mutex_);
  suspicious_ = older.suspicious_;
  resume(older.failures_, older.open_until_);
}

std::string CircuitBreaker::save() {
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

bool CircuitBreaker::restore(View saved) {
  auto state = Document::parse(saved);
  if (!state || state->root()["version"].integer() != 1) return false;
  const std::lock_guard lock(mutex_);
  resume(state->root()["failures"].integer(),
         std::chrono::nanoseconds(state->root()["open_until_ns"].integer()));
  return true;
}

/// With the lock held.
void CircuitBreaker::resume(std::int64_t failures, std::chrono::nanoseconds open_until) {
  failures_ = failures;
  open_until_ = std::min(open_until, host_.now() + cooldown_);
  report();
}

std::optional<std::chrono::nanoseconds> CircuitBreaker::rejects() {
  if (!is_open()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (!is_open()) return std::nullopt;
  const auto now = host_.now();
  if (now < open_until_) return open_until_ - now;
  // This request is the probe. If it ends without a result, another follows after the cooldown.
  open_until_ = now + cooldown_;
  return std::nullopt;
}

void CircuitBreaker::responded() {
  if (failures_.load(std::memory_order_relaxed) == 0) return;  // the usual case: no lock, no write
  const std::lock_guard lock(mutex_);
  const bool was_open = is_open();
  failures_ = 0;
  suspicious_.clear();
  if (was_open) report();
}

void CircuitBreaker::rejected() {
  if (!is_open()) responded();
}

void CircuitBreaker::failed() {
  const std::lock_guard lock(mutex_);
  count();
}

void CircuitBreaker::suspected_by(std::string caller) {
  const std::lock_guard lock(mutex_);
  // While it is open only probes fail: each restarts the cooldown, of any caller.
  if (is_open() || suspicious_.insert(std::move(caller)).second) count();
}

/// With the lock held.
void CircuitBreaker::count() {
  const bool was_open = is_open();
  ++failures_;
  if (!is_open()) return;
  open_until_ = host_.now() + cooldown_;
  if (!was_open) report();
}

void CircuitBreaker::report() const {
  gauge_.record(is_open());
  if (!is_open()) return host_.health(GH_UP);
  host_.health(GH_DOWN, "circuit open after " + std::to_string(failures_) + " failures in a row");
}

}  // namespace gatehouse::plugins::retry
