#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace gatehouse::core {

/// Why an operation inside the gateway failed. Three words are kept apart: an *error* stays inside
/// the core, a *failure* is what a caller receives, a *problem* is reported to the operator.
struct Error {
  enum Kind {
    gone,             ///< the client has disconnected
    cancelled,        ///< the request's deadline has passed, or the gateway is stopping
    unreachable,      ///< no connection could be established
    proxy_refused,    ///< the proxy in between does not allow the connection
    connect_timeout,  ///< no connection was established in time
    timeout,          ///< the peer of an established connection did not keep up
    broken,           ///< the connection ended early, or what was received is malformed
    too_large,        ///< what was received exceeds a limit
    rejected          ///< the peer rejected the login
  } kind;
  std::string detail;  ///< for the log, never for a client
};

/// A value, or the error that prevented it.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : value_(std::move(error)) {}

  explicit operator bool() const { return value_.index() == 0; }
  T& operator*() & { return std::get<0>(value_); }
  const T& operator*() const& { return std::get<0>(value_); }
  T operator*() && { return std::get<0>(std::move(value_)); }
  T* operator->() { return &std::get<0>(value_); }
  const T* operator->() const { return &std::get<0>(value_); }
  const Error& error() const { return std::get<1>(value_); }

 private:
  std::variant<T, Error> value_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace gatehouse::core
