#include "process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "transport.h"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

constexpr auto kUntilTerm = 2s;  // after its input was closed
constexpr auto kUntilKill = 3s;  // after that

struct Pipe {
  Fd read, write;
};

Pipe make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return {Fd(), Fd()};
  Pipe pipe{Fd(fds[0]), Fd(fds[1])};
  // A gateway that was started without standard streams may be given their numbers, which the child needs.
  for (Fd* const end : {&pipe.read, &pipe.write}) {
    if (end->get() < 3) *end = Fd(::fcntl(end->get(), F_DUPFD_CLOEXEC, 3));
  }
  return pipe;
}

void make_non_blocking(const Fd& fd) { ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

/// The file that a shell would run for this name; the name itself if there is none.
std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  if (!path || name.find('/') != name.npos) return name;
  for (View rest = path; !rest.empty();) {
    const View folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    const std::string file = std::string(folder.empty() ? "." : folder) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return name;
}

std::vector<std::string> environment(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> out;
  for (const char* name : {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"}) {
    const char* const value = std::getenv(name);
    if (value && !variables.count(name)) out.push_back(std::string(name) + "=" + value);
  }
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// In the child, where only what is async-signal-safe may be called (POSIX fork): other threads may have held locks.
[[noreturn]] void become(const char* file, char* const* arguments, char* const* variables, const std::array<int, 3>& pipes, int report,
                         pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it has ended before that was set
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGCHLD}) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int fd = 0; fd < 3; ++fd) ::dup2(pipes[static_cast<std::size_t>(fd)], fd);
  ::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);  // ours are so; a library's may not be
  ::execve(file, arguments, variables);
  const int error = errno;
  (void)!::write(report, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Process> Process::start(const std::vector<std::string>& command, const std::map<std::string, std::string>& variables) {
  const std::string file = find_program(command.front());
  const std::vector<std::string> environment_texts = environment(variables);
  const std::vector<char*> arguments = pointers(command), environment_pointers = pointers(environment_texts);
  Pipe input = make_pipe(), output = make_pipe(), errors = make_pipe(), report = make_pipe();
  if (report.write.get() < 0 || errors.write.get() < 0 || output.write.get() < 0 || input.write.get() < 0) {
    return unavailable("Its command cannot be run.", std::strerror(errno));
  }

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return unavailable("Its command cannot be run.", std::strerror(errno));
  if (pid == 0) {
    become(file.c_str(), arguments.data(), environment_pointers.data(), {input.read.get(), output.write.get(), errors.write.get()},
           report.write.get(), parent);
  }
  Process process(pid);
  ::setpgid(pid, pid);  // here too: whoever is first
  report.write = Fd();
  int error = 0;
  if (::read(report.read.get(), &error, sizeof error) == sizeof error)
    return unavailable("Its command cannot be run.", file + ": " + std::strerror(error));

  process.input = std::move(input.write);
  process.output = std::move(output.read);
  process.errors = std::move(errors.read);
  process.ended = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  for (const Fd* fd : {&process.input, &process.output, &process.errors}) make_non_blocking(*fd);
  return process;
}

Process::Process(Process&& other) noexcept
    : input(std::move(other.input)),
      output(std::move(other.output)),
      errors(std::move(other.errors)),
      ended(std::move(other.ended)),
      pid_(std::exchange(other.pid_, 0)) {}

Process::~Process() { kill_and_reap(); }

void Process::end() {
  input = Fd();
  if (!has_ended_within(kUntilTerm)) {
    ::kill(-pid_, SIGTERM);
    (void)has_ended_within(kUntilKill);
  }
  kill_and_reap();
}

/// Takes what it still writes, lest it waits for somebody to do so. No host function can be waited in any more at this time.
bool Process::has_ended_within(std::chrono::milliseconds time) {
  constexpr auto kGlance = 20ms;  // while pipes are closed, or there is no descriptor to wait for
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_) return true;
    pollfd fds[] = {{ended.get(), POLLIN, 0}, {output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}};
    ::poll(fds, 3, static_cast<int>(kGlance.count()));
    char dropped[4096];
    for (Fd* const fd : {&output, &errors}) {
      const ssize_t bytes = fd->get() < 0 ? -1 : ::read(fd->get(), dropped, sizeof dropped);
      if (bytes == 0) *fd = Fd();
    }
  }
  return false;
}

/// The group first, while the process that is not reaped keeps its number from being given to another.
void Process::kill_and_reap() {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

}  // namespace gatehouse
