#include "retry.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "schema.h"

namespace gatehouse::plugins::retry {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// Who asks, by what it cannot invent.
std::string caller_of(const Exchange& x) {
  const View install = x.notes()["install"].str();
  return std::string(install.empty() ? x.client() : install);
}

/// From 0 to 1.
double random_fraction() {
  static thread_local std::minstd_rand random(std::random_device{}());
  return std::generate_canonical<double, 31>(random);
}

/// Passes the answer of one attempt on, and knows whether there is any.
class Attempt final : public Sink {
 public:
  Attempt(Sink& out, CircuitBreaker& breaker) : out_(out), breaker_(breaker) {}

  Status emit(Event e) override {
    if (!has_begun_) breaker_.answered();
    has_begun_ = true;
    return out_.emit(e);
  }

  bool has_begun() const { return has_begun_; }

 private:
  Sink& out_;
  CircuitBreaker& breaker_;
  bool has_begun_ = false;
};

}  // namespace

Retry::Retry(Host host, Json config)
    : host_(host),
      attempts_(config["attempts"].integer(3)),
      delay_(config["delay"].duration(1s)),
      max_delay_(config["max_delay"].duration(30s)),
      multiplier_(config["multiplier"].real(2)),
      jitter_(config["jitter"].real(0.1)),
      budget_(config["budget"].duration(2min)),
      max_retry_after_(config["max_retry_after"].duration(60s)),
      breaker_(host, config["breaker"]),
      retries_(Series(host, GH_COUNTER, "gatehouse_retries_total", "Attempts after the first one.",
                      {{"plugin", host.instance()}})) {}

Status Retry::handle(Exchange& x, Sink& out, Next& next) {
  nanoseconds budget = budget_;
  for (std::int64_t attempt = 1;; ++attempt) {
    if (const auto wait = breaker_.refuses()) {
      return Fail{503, "upstream_unavailable",
                  "The model does not answer at the moment; try again later.",
                  "the circuit is open", *wait};
    }
    Attempt answer(out, breaker_);
    Status status = next(x, answer);
    const Failure failure = status.failure();
    if (!failure) return status;

    const nanoseconds wait = wait_after(attempt, failure);
    View objection;
    if (answer.has_begun()) {
      objection = "the answer has begun";
    } else if (!failure.has(GH_FAIL_TRANSIENT)) {
      objection = "the next one would fail as well";
    } else if (attempt == attempts_) {
      objection = "it was the last one";
    } else if (breaker_.is_open()) {
      objection = "the circuit is open";
    } else if (failure.retry_after() >= max_retry_after_) {
      objection = "the upstream asks for too long a wait";
    } else if (wait > budget || host_.now() + wait >= x.deadline()) {
      objection = "there is no time to wait";
    }
    tell(x, attempt, failure.code(), wait, objection);
    if (!objection.empty()) {
      const std::uint32_t blame = failure.copy().flags & (GH_FAIL_UPSTREAM | GH_FAIL_SUSPECT);
      blame ? breaker_.failed(blame, caller_of(x)) : breaker_.answered();
      return status;
    }

    if (Status slept = host_.sleep(x, wait); !slept) return slept;
    budget -= wait;
    retries_.record();
  }
}

/// What the upstream asks for, or else a time that grows from attempt to attempt; and a little
/// more, lest those who failed together come back together.
nanoseconds Retry::wait_after(std::int64_t attempt, const Failure& failure) const {
  const auto ns = [](nanoseconds time) { return static_cast<double>(time.count()); };
  const double hint = ns(std::min(failure.retry_after(), max_retry_after_));
  const double backoff = std::min(ns(delay_) * std::pow(multiplier_, attempt - 1), ns(max_delay_));
  return nanoseconds(
      static_cast<std::int64_t>((hint > 0 ? hint : backoff) * (1 + jitter_ * random_fraction())));
}

void Retry::tell(const Exchange& x, std::int64_t attempt, View code, nanoseconds wait,
                 View objection) const {
  Document fields;
  fields.root().edit("code").set(code);
  fields.root().edit("attempt").set(attempt);
  std::string text =
      "attempt " + std::to_string(attempt) + "/" + std::to_string(attempts_) + " failed: ";
  text.append(code);
  if (objection.empty()) {
    const std::int64_t wait_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
    fields.root().edit("wait_ms").set(wait_ms);
    text.append(", retrying in ").append(std::to_string(wait_ms)).append(" ms");
  } else {
    text.append(", giving up: ").append(objection);
  }
  host_.log(GH_WARN, &x, text, fields.root());
}

}  // namespace gatehouse::plugins::retry

GATEHOUSE_PLUGIN(gatehouse::plugins::retry::Retry, "retry", "1.0.0",
                 "Asks again when the model failed for a moment", GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
