#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "core/net/error.h"

namespace gatehouse::core {

using Clock = std::chrono::steady_clock;

/// A plugin's number of nanoseconds: not negative, and short enough to be added to any time.
inline Clock::duration bounded(std::int64_t ns) {
  constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24 * 365);
  return std::chrono::nanoseconds(std::clamp<std::int64_t>(ns, 0, kLongest.count()));
}

/// Why a wait ended.
enum class Wake {
  ready,     ///< a descriptor is ready
  timeout,   ///< the time is up
  gone,      ///< the client has disconnected
  cancelled  ///< the request's deadline has passed, or the gateway is stopping
};

/// The error of a wait that did not end with Wake::ready; `kind` and `detail` are those of a
/// timeout.
Error as_error(Wake wake, Error::Kind kind, std::string_view detail);

/// The only place where a request waits, so that a client that disconnects, a deadline or the
/// shutdown of the gateway ends any wait. On a fiber only that waits, elsewhere its thread does.
/// One per request, used on the request's thread.
class Waiter {
 public:
  /// Runs before each wait, and again at the time it returns; nullopt: the client has disconnected.
  using Tend = std::function<std::optional<Clock::time_point>()>;

  /// `client`: the client's socket, or -1. `stop`: a descriptor that becomes readable when the
  /// gateway stops, or -1.
  Waiter(int client, int stop, Clock::time_point deadline, Tend tend)
      : client_(client), stop_(stop), deadline_(deadline), tend_(std::move(tend)) {}

  /// Waits for `events` (as in poll(2)) on `fd`, at most until `until`. fd -1 waits for the time
  /// only.
  Wake wait(int fd, short events, Clock::time_point until) {
    pollfd one{fd, events, 0};
    return wait(&one, 1, until);
  }
  /// The same for up to kMostFds descriptors.
  Wake wait(pollfd* fds, std::size_t count, Clock::time_point until);
  static constexpr std::size_t kMostFds = 9;

  /// For loops that may run for long without waiting. Returns Wake::ready, unless the last check is
  /// at least kLook old and a wait until `until` would have ended for another reason.
  Wake glance(Clock::time_point until = Clock::time_point::max());

  Clock::time_point deadline() const { return deadline_; }
  /// The stop of the gateway no longer ends waits, but this time does.
  void linger(Clock::time_point until) {
    stop_ = -1;
    deadline_ = std::min(deadline_, until);
  }

  /// As long as `wanted` returns true, other requests share the result of this one, and the
  /// client's disconnect ends no wait. It is called once the client has disconnected, and from then
  /// on every kAsk of waiting. An empty function: the result is not shared.
  void outlive(std::function<bool()> wanted) { wanted_ = std::move(wanted); }
  bool is_shared() const { return wanted_ && wanted_(); }
  /// How long a wait for the client may last before is_shared() must be checked again.
  Clock::time_point ask_again() const {
    return wanted_ ? Clock::now() + kAsk : Clock::time_point::max();
  }

 private:
  static constexpr auto kAsk = std::chrono::milliseconds(100);
  static constexpr auto kLook = std::chrono::milliseconds(5);  // other fibers wait meanwhile

  const int client_;
  int stop_;
  Clock::time_point deadline_;
  const Tend tend_;
  std::function<bool()> wanted_;
  Clock::time_point looked_ = Clock::now();  // when the last wait ended
};

}  // namespace gatehouse::core
