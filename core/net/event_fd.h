#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gatehouse::core {

/// A descriptor that is readable once it has been signalled. Throws std::system_error when the
/// process has no descriptor left. Any thread.
class EventFd {
 public:
  EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category());
  }
  ~EventFd() { ::close(fd_); }
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;

  int fd() const { return fd_; }
  void signal() const { ::eventfd_write(fd_, 1); }
  void reset() const {
    eventfd_t taken;
    ::eventfd_read(fd_, &taken);
  }

 private:
  const int fd_;
};

}  // namespace gatehouse::core
