#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/circuit_breaker.hpp"

namespace gatehouse::plugins::retry {

/// Retries transient failures of the upstream until the first event of its response, and rejects
/// requests while the circuit breaker is open.
class Retry final : public Plugin {
 public:
  Retry(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  void adopt(Retry& older) { breaker_.adopt(older.breaker_); }
  std::string save() { return breaker_.save(); }
  bool restore(View saved) { return breaker_.restore(saved); }

 private:
  /// An attempt that failed, and what may follow.
  struct Attempt {
    std::int64_t number;
    const Failure& failure;
    bool has_response;  // events have been passed on
    std::chrono::nanoseconds wait, budget;
  };

  std::chrono::nanoseconds wait_after(std::int64_t attempt, const Failure& failure) const;
  View objection(const Exchange& x, const Attempt& attempt) const;
  void log(const Exchange& x, const Attempt& attempt, View objection) const;

  const Host host_;
  const std::int64_t attempts_;
  const std::chrono::nanoseconds delay_, max_delay_;
  const double multiplier_, jitter_;
  const std::chrono::nanoseconds budget_, max_retry_after_;
  const Series is_open_;
  CircuitBreaker breaker_;
  const Series retries_;
};

}  // namespace gatehouse::plugins::retry
