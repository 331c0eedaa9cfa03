#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

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

/// What to run, and how.
struct Command {
  std::vector<std::string>
      words;  // a program, looked for in the PATH that it gets, and its arguments
  std::map<std::string, std::string>
      variables;       // besides HOME, LOGNAME, PATH, SHELL, TERM and USER
  std::string folder;  // to run it in; empty: that of the gateway
};

/// Whether there is such a program, and this process may run it.
bool can_be_run(const Command& command);

/// A program and what it starts, in a process group of its own. It gets nothing of the gateway but
/// three pipes and a few variables of its environment. The program is killed when the thread that
/// started it ends, the group when the gateway does. One thread.
class Process {
 public:
  /// No shell sees the words.
  static Result<Process> start(const Command& command);
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
  void start_watchdog();
  bool has_ended_within(std::chrono::milliseconds time);
  void kill_and_reap();

  pid_t pid_;           // of the process, and of its group; 0: there is none any more
  pid_t watchdog_ = 0;  // 0: there is none
  Fd lifeline_;         // closed by the end of the gateway, whatever ends it
};

}  // namespace gatehouse::plugins::mcp
