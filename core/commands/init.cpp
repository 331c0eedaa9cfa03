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

/// What a shell says of a process that has ended.
int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Until `child` has ended: its exit status.
int look_after(pid_t child, const sigset_t& signals) {
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
  ::sigprocmask(SIG_BLOCK, &signals, &before);  // none is lost that comes before look_after()
  const pid_t child = ::fork();
  if (child < 0)
    throw std::runtime_error(std::string("cannot start a child: ") + std::strerror(errno));
  if (child > 0) return look_after(child, signals);
  ::setpgid(0, 0);  // what a terminal sends to its group comes from process 1, once
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return program();
}

}  // namespace gatehouse::core
