#include "core/net/wait.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace gatehouse::core {

Wake Waiter::wait(pollfd* wanted, std::size_t count, Clock::time_point until) {
  // The end of the client's input means that it left, unless it is the client's input that is
  // waited for.
  const bool reads_client = std::any_of(wanted, wanted + count, [this](const pollfd& fd) {
    return fd.fd == client_ && (fd.events & POLLIN);
  });
  for (bool gone = false;;) {
    before_wait_();
    const auto again = tend_();
    gone = gone || !again;
    if (gone && !is_shared()) return Wake::gone;

    const auto began = Clock::now();
    const auto ask = gone ? began + kAsk : Clock::time_point::max();
    const auto left = std::max(std::min({until, deadline_, again.value_or(ask), ask}) - began,
                               Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{static_cast<time_t>(seconds.count()),
                           static_cast<long>(std::chrono::nanoseconds(left - seconds).count())};
    pollfd fds[kMostFds + 2] = {{gone || reads_client ? -1 : client_, POLLRDHUP, 0},
                                {stop_, POLLIN, 0}};
    std::copy(wanted, wanted + count, fds + 2);
    const int ready = ::ppoll(fds, count + 2, &timeout, nullptr);
    if (ready < 0) {
      if (errno == EINTR) continue;
      return Wake::cancelled;  // no memory: whoever waits has to give up
    }

    looked_ = Clock::now();
    if (fds[1].revents) return Wake::cancelled;
    if (fds[0].revents) {
      gone = true;
      continue;
    }
    if (began >= deadline_) return Wake::cancelled;  // even if what is waited for is always ready
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
