#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// A file descriptor that is closed with its owner.
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

/// What to run, and how.
struct Command {
  std::vector<std::string> words;                // a program, searched in its PATH, and arguments
  std::map<std::string, std::string> variables;  // besides HOME, LOGNAME, PATH, SHELL, TERM, USER
  std::string folder;                            // to run it in; empty: that of the gateway
};

/// Whether there is such a program, and this process may run it.
bool can_be_run(const Command& command);

/// A program and its children, in their own process group. The program inherits nothing from the
/// gateway except three pipes and a few environment variables. The program is killed when the
/// thread that started it ends, the group when the gateway ends. One thread.
class Process {
 public:
  /// Without a shell.
  static Result<Process> start(const Command& command);
  /// Kills it, unless end() was called.
  ~Process();
  Process(Process&&) noexcept;

  /// The gateway's ends of its pipes, non-blocking.
  Fd input, output, errors;
  /// Readable when the program has ended; -1 on a Linux before 5.3.
  Fd ended;

  /// Ends it: closes its input, then SIGTERM, then SIGKILL. Takes at most 5 s.
  void end();

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  void start_watchdog();
  bool has_ended_within(std::chrono::milliseconds time);
  void kill_and_reap();

  pid_t pid_;           // of the process, and of its group; 0: reaped
  pid_t watchdog_ = 0;  // 0: none
  Fd lifeline_;         // closed by the kernel when the gateway ends
};

}  // namespace gatehouse::plugins::mcp
