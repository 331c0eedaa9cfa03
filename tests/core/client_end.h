#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include "core/net/event_fd.h"
#include "core/net/wait.h"

namespace gatehouse::core {

/// The client of one request and the gateway's stop signal, as a Waiter sees them.
class ClientEnd {
 public:
  explicit ClientEnd(Clock::time_point deadline = Clock::time_point::max())
      : waiter_((::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), ends_[0]), stop_.fd(),
                deadline, [this] { return tend(); }) {}
  ClientEnd(const ClientEnd&) = delete;
  ClientEnd& operator=(const ClientEnd&) = delete;
  ~ClientEnd() {
    leave();
    ::close(ends_[0]);
  }

  Waiter& waiter() { return waiter_; }
  int near_end() const { return ends_[0]; }
  int far_end() const { return ends_[1]; }

  void leave() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  /// Leaves when the request's thread begins to wait for the `count`th time from now on.
  void leaves_at_wait(int count) { waits_left_ = count; }
  void stop() const { stop_.signal(); }

 private:
  std::optional<Clock::time_point> tend() {
    if (waits_left_ > 0 && --waits_left_ == 0) leave();
    return Clock::time_point::max();
  }

  int ends_[2] = {-1, -1};
  const EventFd stop_;
  int waits_left_ = 0;
  Waiter waiter_;
};

}  // namespace gatehouse::core
