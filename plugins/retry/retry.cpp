#include "retry.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "schema.h"

namespace gatehouse::plugins::retry {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// Passes the events of one attempt on, and knows whether there were any.
class Response final : public Sink {
 public:
  Response(Sink& out, CircuitBreaker& breaker) : out_(out), breaker_(breaker) {}

  Status emit(Event e) override {
    if (!has_begun_) breaker_.responded();
    has_begun_ = true;
    return out_.emit(e);
  }

  bool has_begun() const { return has_begun_; }

 private:
  Sink& out_;
  CircuitBreaker& breaker_;
  bool has_begun_ = false;
};

Fail circuit_is_open(nanoseconds retry_after) {
  return {503, "upstream_unavailable", "The model is temporarily unavailable; try again later.",
          "the circuit is open", retry_after};
}

}  // namespace

Status Retry::handle(Exchange& x, Sink& out, Next& next) {
  nanoseconds budget = budget_;
  for (std::int64_t number = 1;; ++number) {
    if (const auto cooldown = breaker_.rejects()) return circuit_is_open(*cooldown);
    Response response(out, breaker_);
    Status status = next(x, response);
    const Failure failure = status.failure();
    if (!failure) return status;

    const nanoseconds wait = wait_after(number, failure);
    const Attempt attempt{number, failure, response.has_begun(), wait, budget};
    const View why_not = objection(x, attempt);
    log(x, attempt, why_not);
    if (!why_not.empty()) {
      breaker_.judge(x, failure);
      return status;
    }
    if (Status slept = host_.sleep(x, wait); !slept) return slept;
    budget -= wait;
    retries_.record();
  }
}

/// Why there is no further attempt; empty: there is one.
View Retry::objection(const Exchange& x, const Attempt& attempt) const {
  const Failure& failure = attempt.failure;
  if (attempt.has_response) return "the response has begun";
  if (!failure.has(GH_FAIL_TRANSIENT)) return "not retryable";
  if (attempt.number == attempts_) return "no attempts left";
  if (breaker_.is_open()) return "the circuit is open";
  if (failure.retry_after() >= max_retry_after_) return "the upstream's Retry-After is too long";
  if (attempt.wait > attempt.budget) return "the retry budget is spent";
  if (host_.now() + attempt.wait >= x.deadline()) return "the deadline is too near";
  return {};
}

/// The Retry-After of the upstream, or else a delay that grows with each attempt. The jitter keeps
/// requests that failed together from returning together.
nanoseconds Retry::wait_after(std::int64_t attempt, const Failure& failure) const {
  static thread_local std::minstd_rand random(std::random_device{}());
  const auto ns = [](nanoseconds time) { return static_cast<double>(time.count()); };
  const double hint = ns(std::min(failure.retry_after(), max_retry_after_));
  const double backoff = std::min(ns(delay_) * std::pow(multiplier_, attempt - 1), ns(max_delay_));
  const double jitter = jitter_ * std::generate_canonical<double, 31>(random);
  return nanoseconds(static_cast<std::int64_t>((hint > 0 ? hint : backoff) * (1 + jitter)));
}

void Retry::log(const Exchange& x, const Attempt& attempt, View objection) const {
  const View code = attempt.failure.code();
  const Document fields;
  fields.root().edit("code").set(code);
  fields.root().edit("attempt").set(attempt.number);
  std::string text =
      "attempt " + std::to_string(attempt.number) + "/" + std::to_string(attempts_) + " failed: ";
  text.append(code);
  if (objection.empty()) {
    const std::int64_t wait_ms = attempt.wait / 1ms;
    fields.root().edit("wait_ms").set(wait_ms);
    text.append(", retrying in ").append(std::to_string(wait_ms)).append(" ms");
  } else {
    text.append(", giving up: ").append(objection);
  }
  host_.log(GH_WARN, &x, text, fields.root());
}

Retry::Retry(Host host, Json config)
    : host_(host),
      attempts_(config["attempts"].integer()),
      delay_(config["delay"].duration()),
      max_delay_(config["max_delay"].duration()),
      multiplier_(config["multiplier"].real()),
      jitter_(config["jitter"].real()),
      budget_(config["budget"].duration()),
      max_retry_after_(config["max_retry_after"].duration()),
      is_open_(host, GH_GAUGE, "gatehouse_circuit_open",
               "1 while the circuit is open: requests are rejected without an upstream call.",
               {{"plugin", host.instance()}}),
      breaker_(host, config["breaker"],
               [this](std::int64_t failures) {
                 is_open_.record(failures > 0);
                 if (failures == 0) return host_.health(GH_UP);
                 host_.health(GH_DOWN, "circuit open after " + std::to_string(failures) +
                                           " failures in a row");
               }),
      retries_(host, GH_COUNTER, "gatehouse_retries_total", "Retries of upstream calls.",
               {{"plugin", host.instance()}}) {
  if (delay_ > max_delay_) {
    host.problem(
        "/delay",
        std::string("must not be above max_delay, which is ").append(config["max_delay"].str()));
  }
}

}  // namespace gatehouse::plugins::retry

GATEHOUSE_PLUGIN(gatehouse::plugins::retry::Retry, "retry", "1.0.0",
                 "Retries transient failures of the upstream, with a circuit breaker",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT | GH_PLUGIN_UNLOADS)
