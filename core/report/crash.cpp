// Everything in the handler is async-signal-safe (signal-safety(7)): it reads what the thread has
// noted of itself (core/net/activity.h), finds the file of the crashed instruction, which the
// loader has given the plugin's own name, and writes two lines that it composes on its stack. That
// stack is the alternative one of the thread. Then the signal takes its default action.

#include "core/report/crash.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "core/net/activity.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

char log_file_name[4096] = "";  // PATH_MAX of Linux

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    case SIGFPE: return "SIGFPE";
    default: return "SIGABRT";
  }
}

/// A line that needs no memory from the heap. What does not fit is cut off.
class Line {
 public:
  Line& text(std::string_view bytes) {
    for (const char c : bytes) put(c);
    return *this;
  }
  /// Without what would have to be escaped in JSON.
  Line& plain(std::string_view bytes) {
    const auto is_control = [](unsigned char c) { return c < ' '; };
    for (const char c : bytes) put(c == '"' || c == '\\' || is_control(c) ? '?' : c);
    return *this;
  }
  Line& number(std::uint64_t value, unsigned base = 10, std::size_t digits = 1) {
    char all[20];
    std::size_t count = 0;
    for (; value > 0 || count < digits; value /= base)
      all[count++] = "0123456789abcdef"[value % base];
    while (count > 0) put(all[--count]);
    return *this;
  }
  void write_to(int fd) {
    put('\n');
    const ssize_t written = ::write(fd, bytes_, size_);
    (void)written;  // there is nothing left to do about a failure
  }

 private:
  void put(char c) {
    if (size_ < sizeof bytes_) bytes_[size_++] = c;
  }

  char bytes_[1024];
  std::size_t size_ = 0;
};

/// Year, month and day of a number of days since 1970: gmtime_r(3) is not async-signal-safe.
/// https://howardhinnant.github.io/date_algorithms.html, civil_from_days.
void add_date(Line& line, std::int64_t days) {
  const std::int64_t z = days + 719468, era = z / 146097, of_era = z % 146097;
  const std::int64_t year_of_era =
      (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t day_of_year =
      of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t m = (5 * day_of_year + 2) / 153, month = m < 10 ? m + 3 : m - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const auto add = [&line](std::int64_t n, std::size_t digits) {
    line.number(static_cast<std::uint64_t>(n), 10, digits);
  };
  add(year, 4);
  line.text("-");
  add(month, 2);
  line.text("-");
  add(day_of_year - (153 * m + 2) / 5 + 1, 2);
}

void add_time(Line& line) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto seconds = static_cast<std::uint64_t>(now.tv_sec);
  add_date(line, now.tv_sec / 86400);
  line.text("T").number(seconds / 3600 % 24, 10, 2).text(":").number(seconds / 60 % 60, 10, 2);
  line.text(":").number(seconds % 60, 10, 2).text(".");
  line.number(static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000, 10, 3).text("Z");
}

/// What the crashed thread was at.
struct Scene {
  Scene(int of, const void* address, const ucontext_t& context) : signal(of) {
#if defined(__x86_64__)
    instruction = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
#else
    instruction = context.uc_mcontext.pc;
#endif
    const Activity* const activity = Activity::current();
    if (!activity) return;
    call = activity->call();
    is_overflow = of == SIGSEGV && activity->guard().holds(address);
    request_size = activity->copy_request(request);
  }

  void add_place(Line& line) const {
    dl_find_object found{};
    if (::_dl_find_object(std::bit_cast<void*>(instruction), &found) != 0) {
      line.text("0x").number(instruction, 16);
      return;
    }
    const std::string_view file = found.dlfo_link_map->l_name;
    line.plain(file.empty() ? "gatehouse" : file).text("+0x");
    line.number(instruction - found.dlfo_link_map->l_addr, 16);
  }
  void report() const {
    Line line;
    line.text("gatehouse: fatal signal ").text(name_of(signal)).text(overflow());
    if (call.plugin) {
      line.text(" in the plugin ").text(call.plugin->instance).text(" ");
      line.text(call.plugin->version).text(" while ").text(call.purpose);
      if (request_size > 0) line.text(" (").text({request, request_size}).text(")");
    }
    line.text(", at ");
    add_place(line);
    line.write_to(STDERR_FILENO);
  }
  void log() const {
    const int file = ::open(log_file_name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return;
    Line line;
    line.text(R"({"time":")");
    add_time(line);
    line.text(R"(","level":"error")");
    if (call.plugin) line.text(R"(,"plugin":")").plain(call.plugin->instance).text("\"");
    if (request_size > 0) line.text(R"(,"request":")").plain({request, request_size}).text("\"");
    line.text(R"(,"message":"fatal signal )").text(name_of(signal)).text(overflow());
    if (call.plugin) {
      line.text(" while ").text(call.purpose);
      line.text(R"(","version":")").plain(call.plugin->version);
    }
    line.text(R"(","place":")");
    add_place(line);
    line.text("\"}").write_to(file);
  }

  std::string_view overflow() const { return is_overflow ? " (stack overflow)" : ""; }

  const int signal;
  bool is_overflow = false;
  std::uintptr_t instruction = 0;
  Activity::Call call;
  char request[Activity::kMostRequest] = {};
  std::size_t request_size = 0;
};

/// Blocks for ever if another thread has crashed before: that one ends the process.
void handle(int signal, siginfo_t* info, void* context) {
  static std::atomic<pid_t> first{0};
  pid_t none = 0;
  if (first.compare_exchange_strong(none, ::gettid())) {
    const Scene scene(signal, info->si_addr, *static_cast<const ucontext_t*>(context));
    scene.report();
    if (log_file_name[0] != '\0') scene.log();
  } else if (none != ::gettid()) {
    for (;;) ::pause();
  }
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace

void report_crashes() {
  (void)Activity::here();  // the signal stack of the control thread
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (const int signal : kSignals) {
    struct sigaction known {};
    const bool is_free = ::sigaction(signal, nullptr, &known) == 0 && known.sa_handler == SIG_DFL;
    if (is_free) ::sigaction(signal, &action, nullptr);
  }
}

void report_crashes_to(const std::string& log_file) {
  log_file_name[0] = '\0';
  if (log_file.size() < sizeof log_file_name)
    *std::copy(log_file.begin(), log_file.end(), log_file_name) = '\0';
}

}  // namespace gatehouse::core
