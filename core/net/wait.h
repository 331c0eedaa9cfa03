#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
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

/// The one place where a request's thread waits for anything: so that a client that leaves, a
/// deadline or the end of the gateway wakes it wherever it is. One per request, on its thread.
class Waiter {
 public:
  /// Called before each wait, and again at the time it returns; nullopt: the client has gone.
  using Tend = std::function<std::optional<Clock::time_point>()>;

  /// `client`: the client's socket, or -1. `stop`: a descriptor that becomes readable when the
  /// gateway stops. `before_wait`: called when the thread is about to stop running.
  Waiter(
      int client, int stop, Clock::time_point deadline, Tend tend,
      std::function<void()> before_wait = [] {})
      : client_(client),
        stop_(stop),
        deadline_(deadline),
        tend_(std::move(tend)),
        before_wait_(std::move(before_wait)) {}

  /// Waits for `events` (as poll(2)) on `fd`, at most until `until`. fd -1: for nothing but the
  /// time.
  Wake wait(int fd, short events, Clock::time_point until) {
    pollfd one{fd, events, 0};
    return wait(&one, 1, until);
  }
  /// The same for several, at most kMostFds.
  Wake wait(pollfd* fds, std::size_t count, Clock::time_point until);
  static constexpr std::size_t kMostFds = 9;

  /// For loops that may go on without ever waiting: Wake::ready, unless the last look was kLook ago
  /// or more and a wait until `until` would have ended for another reason.
  Wake glance(Clock::time_point until = Clock::time_point::max());

  Clock::time_point deadline() const { return deadline_; }

  /// For what waits without this object, as briefly as can be: nothing is flushed.
  void about_to_wait() const { before_wait_(); }

  /// While it says so, somebody else wants what this request works for: then a client that has gone
  /// ends no wait. Asked when the client has gone, and from then on every kAsk of waiting. Empty:
  /// nobody does.
  void outlive(std::function<bool()> wanted) { wanted_ = std::move(wanted); }
  bool is_shared() const { return wanted_ && wanted_(); }
  /// Until when a wait for the client may last before is_shared() must be asked again.
  Clock::time_point ask_again() const {
    return wanted_ ? Clock::now() + kAsk : Clock::time_point::max();
  }

 private:
  static constexpr auto kAsk = std::chrono::milliseconds(100);
  static constexpr auto kLook = std::chrono::milliseconds(50);

  const int client_;
  const int stop_;
  const Clock::time_point deadline_;
  const Tend tend_;
  const std::function<void()> before_wait_;
  std::function<bool()> wanted_;
  Clock::time_point looked_ = Clock::now();  // when the last wait ended
};

}  // namespace gatehouse::core
