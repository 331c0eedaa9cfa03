#include "core/net/wait.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "core/net/activity.h"
#include "core/net/loop.h"

namespace gatehouse::core {
namespace {

/// As ppoll(2). A fiber leaves its thread to others meanwhile.
int poll_until(Clock::time_point until, pollfd* fds, std::size_t count) {
  if (Loop* const loop = Loop::of_fiber()) return loop->wait(fds, count, until);
  const auto left = std::max(until - Clock::now(), Clock::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec timeout{static_cast<time_t>(seconds.count()),
                         static_cast<long>(std::chrono::nanoseconds(left - seconds).count())};
  return ::ppoll(fds, count, &timeout, nullptr);
}

}  // namespace

Error as_error(Wake wake, Error::Kind kind, std::string_view detail) {
  switch (wake) {
    case Wake::gone: return {Error::gone, "the client has disconnected"};
    case Wake::cancelled: return {Error::cancelled, "the request was cancelled"};
    default: return {kind, std::string(detail)};
  }
}

Wake Waiter::wait(pollfd* wanted, std::size_t count, Clock::time_point until) {
  // The end of the client's input means that it has disconnected, unless its input is what the
  // caller waits for.
  const bool reads_client = std::any_of(wanted, wanted + count, [this](const pollfd& fd) {
    return fd.fd == client_ && (fd.events & POLLIN);
  });
  for (bool gone = false;;) {
    const auto again = tend_();
    gone = gone || !again;
    if (gone && !is_shared()) return Wake::gone;

    const auto began = Clock::now();
    const auto ask = gone ? began + kAsk : Clock::time_point::max();
    pollfd fds[kMostFds + 2] = {{gone || reads_client ? -1 : client_, POLLRDHUP, 0},
                                {stop_, POLLIN, 0}};
    std::copy(wanted, wanted + count, fds + 2);
    const auto next = std::min({until, deadline_, again.value_or(ask), ask});
    Activity* const activity = Activity::current();
    if (activity) activity->pause();
    const int ready = poll_until(next, fds, count + 2);
    looked_ = Clock::now();
    if (activity) activity->resume(looked_);
    if (ready < 0) {
      if (errno == EINTR) continue;
      return Wake::cancelled;  // out of memory
    }

    if (fds[1].revents) return Wake::cancelled;
    if (fds[0].revents) {
      gone = true;
      continue;
    }
    if (began >= deadline_) return Wake::cancelled;  // even if the descriptor is always ready
    std::copy(fds + 2, fds + 2 + count, wanted);
    if (ready > 0) return Wake::ready;
    if (looked_ >= deadline_) return Wake::cancelled;
    if (looked_ >= until) return Wake::timeout;
  }
}

Wake Waiter::glance(Clock::time_point until) {
  if (Clock::now() - looked_ < kLook) return Wake::ready;
  const Wake wake = wait(-1, 0, Clock::time_point());
  if (wake != Wake::timeout) return wake;
  return looked_ < until ? Wake::ready : Wake::timeout;
}

}  // namespace gatehouse::core
