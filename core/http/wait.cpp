#include "core/http/wait.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace gatehouse::core {

Wake Waiter::wait(int fd, short events, Clock::time_point until) {
  for (;;) {
    before_wait_();
    const auto again = tend_();
    const bool shared = is_shared();
    if (!again && !shared) return Wake::gone;

    const auto left = std::max(std::min({until, deadline_, again.value_or(deadline_), ask_again()}) - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{static_cast<time_t>(seconds.count()), static_cast<long>(std::chrono::nanoseconds(left - seconds).count())};
    // The end of the client's input means that it left, unless it is the client's input that is waited for.
    pollfd fds[] = {{fd, events, 0}, {shared || (fd == client_ && (events & POLLIN)) ? -1 : client_, POLLRDHUP, 0}, {stop_, POLLIN, 0}};
    if (::ppoll(fds, 3, &timeout, nullptr) < 0) {
      if (errno == EINTR) continue;
      return Wake::cancelled;  // no memory: whoever waits has to give up
    }

    if (fds[1].revents) return Wake::gone;
    if (fds[2].revents) return Wake::cancelled;
    if (fds[0].revents) return Wake::ready;
    const auto now = Clock::now();
    if (now >= deadline_) return Wake::cancelled;
    if (now >= until) return Wake::timeout;
  }
}

}  // namespace gatehouse::core
