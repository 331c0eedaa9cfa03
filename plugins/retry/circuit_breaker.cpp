#include "circuit_breaker.h"

#include <algorithm>

namespace gatehouse::plugins::retry {

CircuitBreaker::CircuitBreaker(Host host, Json config)
    : host_(host),
      max_failures_(config["failures"].integer(5)),
      cooldown_(config["cooldown"].duration(std::chrono::seconds(30))),
      gauge_(Series(host, GH_GAUGE, "gatehouse_circuit_open",
                    "1 while requests are kept from an upstream that only fails.",
                    {{"plugin", host.instance()}})) {}

void CircuitBreaker::adopt(CircuitBreaker& older) {
  {
    const std::lock_guard lock(older.mutex_);
    failures_ = older.failures_.load();
    suspects_ = older.suspects_;
    open_until_ = std::min(older.open_until_, host_.now() + cooldown_);
  }
  show();
}

std::optional<std::chrono::nanoseconds> CircuitBreaker::refuses() {
  if (!is_open()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (!is_open()) return std::nullopt;
  const auto now = host_.now();
  if (now < open_until_) return open_until_ - now;
  open_until_ =
      now +
      cooldown_;  // this request is to find out; should nothing be heard of it, another one will
  return std::nullopt;
}

void CircuitBreaker::answered() {
  if (failures_.load(std::memory_order_relaxed) == 0) return;  // as a rule: no lock, no write
  const std::lock_guard lock(mutex_);
  const bool was_open = is_open();
  failures_ = 0;
  suspects_.clear();
  if (was_open) show();
}

void CircuitBreaker::failed(std::uint32_t flags, std::string caller) {
  const std::lock_guard lock(mutex_);
  const bool was_open = is_open();
  if (!was_open && !(flags & GH_FAIL_UPSTREAM) && !suspects_.insert(std::move(caller)).second)
    return;
  ++failures_;
  if (!is_open()) return;
  open_until_ = host_.now() + cooldown_;
  if (!was_open) show();
}

void CircuitBreaker::show() const {
  gauge_.record(is_open());
  if (!is_open()) return host_.health(GH_UP);
  host_.health(GH_DOWN, "the circuit is open: " + std::to_string(failures_) + " failures in a row");
}

}  // namespace gatehouse::plugins::retry
