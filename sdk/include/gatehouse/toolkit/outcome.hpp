/// How a request ended, for plugins that count or log requests.
#pragma once

#include <chrono>

#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// What next() returned, in words.
struct Outcome {
  /// ok; failed; left: the client disconnected before the end; cut: the deadline passed or the
  /// gateway stopped.
  View word;
  /// Of a failure, until the next call of next(), or deadline_exceeded, shutting_down. Else empty.
  View code;
  int status;  ///< What the client got. 499: nothing, as it had disconnected (nginx).
};
inline Outcome outcome_of(Host host, const Exchange& x, const Status& status) {
  const auto got = [&x](int otherwise) { return x.committed() ? x.status() : otherwise; };
  if (status) return {x.status() < 400 ? "ok" : "failed", {}, x.status()};
  if (status.code() == GH_STOP) return {"left", {}, got(499)};
  if (status.code() == GH_CANCELLED) {
    return x.deadline() <= host.now() ? Outcome{"cut", "deadline_exceeded", got(504)}
                                      : Outcome{"cut", "shutting_down", got(503)};
  }
  const Failure failure = x.failure();
  return {"failed", failure.code(), got(failure ? failure.http_status() : 500)};
}

/// Milliseconds with one decimal, as logs and notes write a time.
inline double in_ms(std::chrono::nanoseconds time) {
  return static_cast<double>((time.count() + 50'000) / 100'000) / 10;
}

}  // namespace v1
}  // namespace gatehouse
