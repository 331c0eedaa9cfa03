/// The child becomes the program by execve() and reports a failure through a close-on-exec pipe,
/// from which the parent otherwise reads end-of-file. It has its own process group and dies with
/// the gateway (PR_SET_PDEATHSIG); the rest of the group is killed by a watchdog, a shell that
/// waits for the end of a pipe whose other end only the gateway holds.
#include "process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

namespace gatehouse::plugins::mcp {
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
  // A gateway that was started without standard streams may get their numbers here, which the child
  // needs.
  for (Fd* const end : {&pipe.read, &pipe.write}) {
    if (end->get() < 3) *end = Fd(::fcntl(end->get(), F_DUPFD_CLOEXEC, 3));
  }
  return pipe;
}

void make_non_blocking(const Fd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

/// The file that a shell with the command's variables would run; the name itself if there is none.
std::string find_program(const Command& command) {
  const std::string& name = command.words.front();
  const auto own = command.variables.find("PATH");
  const char* const path =
      own != command.variables.end() ? own->second.c_str() : std::getenv("PATH");
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

// The functions below run in the child before execve(): they call only async-signal-safe functions
// (POSIX fork), since other threads may have held locks.

void reset_signals() {
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGCHLD}) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// The gateway has raised its own limit. Above 1024 select(2) breaks, and some programs close every
/// number up to the limit.
void lower_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 1024);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Why a child could not become the program.
struct StartFailure {
  int error;
  bool of_folder;
};

[[noreturn]] void become(const char* file, const char* folder, char* const* arguments,
                         char* const* variables, const std::array<int, 3>& pipes, int report,
                         pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it ended before that was set
  reset_signals();
  for (int fd = 0; fd < 3; ++fd) ::dup2(pipes[static_cast<std::size_t>(fd)], fd);
  ::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);  // for those of libraries
  lower_descriptor_limit();
  const bool is_there = *folder == '\0' || ::chdir(folder) == 0;
  if (is_there) ::execve(file, arguments, variables);
  const StartFailure failure{errno, !is_there};
  (void)!::write(report, &failure, sizeof failure);
  ::_exit(127);
}

/// Kills the process group `pgid` when the other end of `lifeline` is closed. It is a shell, since
/// a fork of the gateway would keep the gateway's memory.
[[noreturn]] void watch(char* pgid, int lifeline) {
  ::setpgid(0, 0);  // a signal to the gateway's group must not end it
  reset_signals();
  ::dup2(lifeline, 0);
  ::syscall(SYS_close_range, 1u, ~0u, 0u);
  char shell[] = "/bin/sh", option[] = "-c", script[] = "read -r _; kill -s KILL -- \"-$0\"";
  char* const arguments[] = {shell, option, script, pgid, nullptr};
  char* const variables[] = {nullptr};
  ::execve(shell, arguments, variables);
  ::_exit(127);  // without a shell only the program itself ends with the gateway
}

void kill_and_wait_for(pid_t pid) {
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

bool can_be_run(const Command& command) {
  const std::string file = find_program(command);
  if (file.find('/') == file.npos) return false;
  return ::access((file[0] == '/' || command.folder.empty() ? file : command.folder + '/' + file)
                      .c_str(),
                  X_OK) == 0;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Process> Process::start(const Command& command) {
  const std::string file = find_program(command);
  const std::vector<std::string> environment_texts = environment(command.variables);
  const std::vector<char*> arguments = pointers(command.words),
                           environment_pointers = pointers(environment_texts);
  Pipe input = make_pipe(), output = make_pipe(), errors = make_pipe(), report = make_pipe();
  if (report.write.get() < 0 || errors.write.get() < 0 || output.write.get() < 0 ||
      input.write.get() < 0) {
    return unavailable("Its command cannot be run.", std::strerror(errno));
  }

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return unavailable("Its command cannot be run.", std::strerror(errno));
  if (pid == 0) {
    become(file.c_str(), command.folder.c_str(), arguments.data(), environment_pointers.data(),
           {input.read.get(), output.write.get(), errors.write.get()}, report.write.get(), parent);
  }
  Process process(pid);
  ::setpgid(pid, pid);  // in both processes, since either may be first
  report.write = Fd();
  StartFailure failure{};
  if (::read(report.read.get(), &failure, sizeof failure) == sizeof failure) {
    return unavailable("Its command cannot be run.", (failure.of_folder ? command.folder : file) +
                                                         ": " + std::strerror(failure.error));
  }
  process.start_watchdog();
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
      pid_(std::exchange(other.pid_, 0)),
      watchdog_(std::exchange(other.watchdog_, 0)),
      lifeline_(std::move(other.lifeline_)) {}

void Process::start_watchdog() {
  Pipe lifeline = make_pipe();
  if (lifeline.write.get() < 0) return;
  std::string pgid = std::to_string(pid_);
  const pid_t pid = ::fork();
  if (pid == 0) watch(pgid.data(), lifeline.read.get());
  if (pid < 0) return;
  ::setpgid(pid, pid);  // in both processes, since either may be first
  watchdog_ = pid;
  lifeline_ = std::move(lifeline.write);
}

Process::~Process() { kill_and_reap(); }

void Process::end() {
  input = Fd();
  if (!has_ended_within(kUntilTerm)) {
    ::kill(-pid_, SIGTERM);
    (void)has_ended_within(kUntilKill);
  }
  kill_and_reap();
}

/// Reads what it still writes, so that it does not block. No function of the host can wait any more
/// at this time.
bool Process::has_ended_within(std::chrono::milliseconds time) {
  constexpr auto kGlance = 20ms;  // for when all descriptors are closed
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == pid_)
      return true;
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

/// The group first: as long as the process is not reaped, its number is not reused.
void Process::kill_and_reap() {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGKILL);
  if (watchdog_ != 0) kill_and_wait_for(watchdog_);
  kill_and_wait_for(std::exchange(pid_, 0));
}

}  // namespace gatehouse::plugins::mcp
