#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// A descriptor that is closed with its owner.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd();
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }

 private:
  int fd_;
};

/// A program and what it starts, in a process group of its own. It gets nothing of the gateway but three pipes and a few
/// variables of its environment, and is killed when the thread that started it ends. One thread.
class Process {
 public:
  /// `command` is a program, looked for in PATH, and its arguments; no shell sees them. `variables` are added to HOME, LOGNAME,
  /// PATH, SHELL, TERM and USER.
  static Result<Process> start(const std::vector<std::string>& command, const std::map<std::string, std::string>& variables);
  /// Kills it, unless end() was called.
  ~Process();
  Process(Process&&) noexcept;

  /// Its pipes, as the gateway has them: none of them blocks.
  Fd input, output, errors;
  /// Readable when the program has ended; -1 on a Linux before 5.3.
  Fd ended;

  /// Asks it to end, more and more firmly, and returns when it has. At most 5 s.
  void end();

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  bool has_ended_within(std::chrono::milliseconds time);
  void kill_and_reap();

  pid_t pid_;  // of the process, and of its group; 0: there is none any more
};

}  // namespace gatehouse
