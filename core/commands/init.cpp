#include "core/commands/init.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>

namespace gatehouse::core {
namespace {

/// As a shell reports a process that has ended.
int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Forwards signals to `child` and reaps every process that ends, until `child` has ended. Returns
/// its exit status.
int supervise(pid_t child, const sigset_t& signals) {
  for (;;) {
    int signal = 0;
    ::sigwait(&signals, &signal);
    if (signal != SIGCHLD) ::kill(child, signal);
    int status = 0;
    for (pid_t ended; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended == child) return exit_status(status);
    }
  }
}

}  // namespace

int with_init(const std::function<int()>& program) {
  if (::getpid() != 1) return program();
  sigset_t signals, before;
  ::sigemptyset(&signals);
  for (const int s : {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2})
    ::sigaddset(&signals, s);
  ::sigprocmask(SIG_BLOCK, &signals, &before);  // for supervise()
  const pid_t child = ::fork();
  if (child < 0)
    throw std::runtime_error(std::string("cannot start a child process: ") + std::strerror(errno));
  if (child > 0) return supervise(child, signals);
  ::setpgid(0, 0);  // so that a terminal's signals arrive once, from process 1
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return program();
}

}  // namespace gatehouse::core
