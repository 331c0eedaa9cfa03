#pragma once

#include "circuit_breaker.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::retry {

/// Asks the upstream again after a failure that may pass, as long as nothing of its answer has been
/// passed on.
class Retry final : public Plugin {
 public:
  Retry(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  void adopt(Retry& older) { breaker_.adopt(older.breaker_); }

 private:
  std::chrono::nanoseconds wait_after(std::int64_t attempt, const Failure& failure) const;
  void tell(const Exchange& x, std::int64_t attempt, View code, std::chrono::nanoseconds wait,
            View objection) const;

  const Host host_;
  const std::int64_t attempts_;
  const std::chrono::nanoseconds delay_, max_delay_;
  const double multiplier_, jitter_;
  const std::chrono::nanoseconds budget_, max_retry_after_;
  CircuitBreaker breaker_;
  const Series retries_;
};

}  // namespace gatehouse::plugins::retry
