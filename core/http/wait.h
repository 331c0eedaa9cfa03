#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

namespace gatehouse::core {

using Clock = std::chrono::steady_clock;

/// Why a wait ended.
enum class Wake {
  ready,     ///< the descriptor
  timeout,   ///< the time
  gone,      ///< the client left
  cancelled  ///< the request's deadline passed, or the gateway stops
};

/// The one place where a request's thread waits for anything: so that a client that leaves, a deadline or the end of the
/// gateway wakes it wherever it is. One per request, on its thread.
class Waiter {
 public:
  /// Called before each wait, and again at the time it returns; nullopt: the client has gone.
  using Tend = std::function<std::optional<Clock::time_point>()>;

  /// `client`: the client's socket. `stop`: a descriptor that becomes readable when the gateway stops.
  Waiter(int client, int stop, Clock::time_point deadline, Tend tend)
      : client_(client), stop_(stop), deadline_(deadline), tend_(std::move(tend)) {}

  /// Waits for `events` (as poll(2)) on `fd`, at most until `until`. fd -1: for nothing but the time.
  Wake wait(int fd, short events, Clock::time_point until);

  Clock::time_point deadline() const { return deadline_; }

 private:
  const int client_;
  const int stop_;
  const Clock::time_point deadline_;
  const Tend tend_;
};

}  // namespace gatehouse::core
