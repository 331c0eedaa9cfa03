#include "core/testing/apart.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>

namespace gatehouse::core {
namespace {

using Clock = std::chrono::steady_clock;

/// The process ends without destructors: only what it has reported counts.
[[noreturn]] void run_in_child(const std::function<void(Report&)>& work, int fd) {
  constexpr rlimit kNone{0, 0};
  ::setrlimit(RLIMIT_CORE, &kNone);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  Report report(fd);
  work(report);
  ::_exit(0);
}

/// Reads the lines of the child, and measures its phases.
class Reader {
 public:
  explicit Reader(int fd) : fd_(fd) {}

  /// False: a phase has taken longer than `limit`.
  bool read(Apart& out, std::chrono::milliseconds limit) {
    char piece[4096];
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(began_ + limit - Clock::now());
      pollfd fd{fd_, POLLIN, 0};
      const int ready = ::poll(&fd, 1, static_cast<int>(std::max<long>(0, left.count())));
      if (ready < 0 && errno == EINTR) continue;
      if (ready == 0) return false;
      const ssize_t got = ::read(fd_, piece, sizeof piece);
      if (got <= 0) break;
      rest_.append(piece, static_cast<std::size_t>(got));
      take_lines(out);
    }
    end_phase(out);
    return true;
  }

  void end_phase(Apart& out) {
    const auto now = Clock::now();
    if (!out.phases.empty()) {
      out.phases.back().took = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_);
    }
    began_ = now;
  }

 private:
  void take_lines(Apart& out) {
    for (std::size_t end; (end = rest_.find('\n')) != rest_.npos; rest_.erase(0, end + 1)) {
      const std::string line = rest_.substr(1, end - 1);
      if (rest_[0] == 'L') {
        out.lines.push_back(line);
      } else {
        end_phase(out);
        out.phases.push_back({line, {}});
      }
    }
  }

  const int fd_;
  std::string rest_;  // of a line that is not complete
  Clock::time_point began_ = Clock::now();
};

std::string fault_of(int status) {
  if (!WIFSIGNALED(status)) return "";
  const int number = WTERMSIG(status);
  return "died of signal " + std::to_string(number) + " (" + ::strsignal(number) + ")";
}

}  // namespace

void Report::write(char kind, const std::string& line) {
  std::string text = kind + line;
  std::replace(text.begin(), text.end(), '\n', ' ');
  text += '\n';
  if (::write(fd_, text.data(), text.size()) < 0) ::_exit(1);  // the parent has gone
}

Apart run_apart(const std::function<void(Report&)>& work, std::chrono::milliseconds limit) {
  int ends[2];
  const pid_t child = ::pipe2(ends, O_CLOEXEC) == 0 ? ::fork() : -1;
  if (child < 0)
    throw std::system_error(errno, std::generic_category(), "cannot start a child process");
  if (child == 0) run_in_child(work, ends[1]);
  ::close(ends[1]);
  Apart out;
  Reader reader(ends[0]);
  const bool hangs = !reader.read(out, limit);
  if (hangs) {
    ::kill(child, SIGKILL);
    reader.end_phase(out);
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  out.fault = hangs ? "did not return within " + std::to_string(limit.count() / 1000) + " s"
                    : fault_of(status);
  return out;
}

}  // namespace gatehouse::core
