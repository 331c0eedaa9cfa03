/// How a plugin reports errors: it returns them. A Status is success or the reason of a failure, a
/// Result is a value or a Status.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "gatehouse/abi/exchange.h"
#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

namespace detail {
// A constant of the process: the first create() sets it, before any handle().
inline const gh_exchange_api* exchange = nullptr;
}  // namespace detail

/// A new failure, to be returned: `return Fail{429, "rate_limited", "Slow down.", detail};`. Never
/// put keys or prompts into it.
struct Fail {
  int http_status = 500;
  std::string code;     ///< Stable, snake_case.
  std::string message;  ///< One sentence for the caller, with the place and the remedy.
  std::string detail;   ///< For the log only.
  /// When to send the request again; becomes the Retry-After header. 0: unknown.
  std::chrono::nanoseconds retry_after{0};
  std::uint32_t flags = 0;  ///< GH_FAIL_TRANSIENT, GH_FAIL_UPSTREAM, GH_FAIL_SUSPECT; 0: final.

  gh_failure raw() const {
    return {sizeof(gh_failure),
            http_status,
            gatehouse::raw(code),
            gatehouse::raw(message),
            gatehouse::raw(detail),
            retry_after.count(),
            flags,
            0};
  }
};

/// A failure to read, wherever it was made. A view: that of a Fail lives as long as its Status,
/// that of the exchange until the next call of next(). False when there is none.
class Failure {
 public:
  Failure() = default;
  /// Takes what `raw` has: that of an older host is shorter.
  explicit Failure(const gh_failure& raw) {
    std::memcpy(&raw_, &raw, std::min<std::size_t>(raw.size, sizeof raw_));
  }

  explicit operator bool() const { return raw_.http_status != 0; }
  int http_status() const { return raw_.http_status; }
  View code() const { return view(raw_.code); }
  View message() const { return view(raw_.message); }
  View detail() const { return view(raw_.detail); }
  std::chrono::nanoseconds retry_after() const {
    return std::chrono::nanoseconds(raw_.retry_after_ns);
  }
  /// Whether it has this flag: GH_FAIL_TRANSIENT, GH_FAIL_UPSTREAM or GH_FAIL_SUSPECT.
  bool has(std::uint32_t flag) const { return (raw_.flags & flag) != 0; }
  /// A copy that can be kept, changed and returned.
  Fail copy() const {
    return {http_status(),         std::string(code()), std::string(message()),
            std::string(detail()), retry_after(),       raw_.flags};
  }

 private:
  gh_failure raw_{};
};

/// Success, or a failure, or a reason to stop: GH_STOP (the reader of the response has gone),
/// GH_CANCELLED (the deadline has passed or the gateway stops), GH_UNAVAILABLE (the store is down).
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Fail fail) : code_(GH_FAILED), fail_(std::make_unique<Fail>(std::move(fail))) {}
  /// `x`: the exchange that has the failure of GH_FAILED.
  explicit Status(gh_status code, const gh_exchange* x = nullptr) : code_(code), exchange_(x) {}

  explicit operator bool() const { return code_ == GH_OK; }
  gh_status code() const { return code_; }
  /// Why, wherever the failure was made; false unless code() is GH_FAILED.
  Failure failure() const {
    if (fail_) return Failure(fail_->raw());
    const bool has_one = code_ == GH_FAILED && exchange_;
    const gh_failure* const failure = has_one ? detail::exchange->failure(exchange_) : nullptr;
    return failure ? Failure(*failure) : Failure();
  }
  /// For the boundary: a new failure is set on the exchange.
  gh_status raise(gh_exchange* x) const {
    if (!fail_ || !x) return code_;
    const gh_failure failure = fail_->raw();
    return detail::exchange->fail(x, &failure);
  }

 private:
  gh_status code_ = GH_OK;
  const gh_exchange* exchange_ = nullptr;
  std::unique_ptr<Fail> fail_;
};

/// A value or the status that explains why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status error) : value_(std::move(error)) {}
  Result(Fail error) : value_(Status(std::move(error))) {}

  explicit operator bool() const { return value_.index() == 0; }
  T& operator*() { return std::get<0>(value_); }
  T* operator->() { return &std::get<0>(value_); }
  /// Moves the error out, to be returned.
  Status error() { return std::move(std::get<1>(value_)); }

 private:
  std::variant<T, Status> value_;
};

}  // namespace v1
}  // namespace gatehouse
