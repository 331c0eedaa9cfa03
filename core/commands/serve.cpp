#include "core/commands/serve.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <thread>
#include <utility>

#include "core/commands/init.h"
#include "core/commands/service.h"
#include "core/config/config.h"
#include "core/log/log.h"
#include "core/net/service_manager.h"
#include "core/pipeline/pipeline.h"
#include "core/report/crash.h"
#include "core/report/watchdog.h"

// The mechanism: all signals are blocked in all threads, and the control thread, the one that
// called serve(), receives them in sigtimedwait(). Between two signals it ticks: time limits and
// the destruction of replaced pipelines happen there. The first signal to end starts the shutdown,
// which is the same loop with other conditions: still accepting (shutdown.delay), draining
// (shutdown.grace), cancelling requests, ending the admin address, ending the plugins. A second one
// ends the process at once.

namespace gatehouse::core {
namespace {

constexpr auto kTick = std::chrono::milliseconds(250);
constexpr auto kEndTick = std::chrono::milliseconds(20);  // during the shutdown
constexpr auto kCancelled = std::chrono::seconds(2);  // for cancelled requests to send their errors
constexpr auto kPluginsEnd = std::chrono::seconds(10);  // plugins may wait 5 s for child processes
// For requests, admin requests and plugins, with a margin; reported to the service manager.
constexpr auto kAfterGrace = 2 * kCancelled + kPluginsEnd + std::chrono::seconds(5);

/// A core file would hold keys and prompts, and so would /proc/PID/environ and mem, which child
/// processes of the same user could read if this process were dumpable.
void keep_memory_private() {
  constexpr rlimit kNone{0, 0};
  ::setrlimit(RLIMIT_CORE, &kNone);
  ::prctl(PR_SET_DUMPABLE, 0);
}

/// The signals that the gateway handles, blocked in all threads.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int s : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) ::sigaddset(&set_, s);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);  // inherited by all threads
    std::signal(SIGPIPE, SIG_IGN);
  }
  /// Returns the next signal, or 0 if none arrived in time.
  int wait(std::chrono::nanoseconds time) const {
    const timespec t{0, static_cast<long>(time.count())};
    const int s = ::sigtimedwait(&set_, nullptr, &t);
    return s > 0 ? s : 0;
  }

 private:
  sigset_t set_;
};

/// The life of the control thread.
class Control {
 public:
  Control(Service& service, const Signals& signals, ServiceManager& manager, Log& log)
      : service_(service), signals_(signals), manager_(manager), log_(log) {}

  /// Serves until a signal to end, then shuts down. Returns false if it did not finish: after a
  /// second such signal, or if something does not end.
  bool run() {
    (void)serve_until(kTick, [] { return false; });
    announce_end();
    const auto accepts_until = Clock::now() + service_.shutdown().delay;
    if (!serve_until(kEndTick, [&] { return Clock::now() >= accepts_until; })) return false;
    service_.drain();
    return end_requests() && end_admin() && end_plugins();
  }

 private:
  void reload() {
    using std::chrono::microseconds;
    const auto now = std::chrono::duration_cast<microseconds>(Clock::now().time_since_epoch());
    const bool is_ending = service_.is_ending();  // which was reported already
    if (!is_ending) manager_.send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
    const bool is_done = service_.reload();
    const char* const result = is_done ? "Reloaded" : "Reload failed: see the log";
    if (!is_ending) manager_.send(std::string("READY=1\nSTATUS=") + result);
  }

  void announce_end() {
    service_.announce_end();
    const ShutdownSettings& shutdown = service_.shutdown();
    const std::chrono::microseconds longest = shutdown.delay + shutdown.grace + kAfterGrace;
    manager_.send("STOPPING=1\nSTATUS=Shutting down\nEXTEND_TIMEOUT_USEC=" +
                  std::to_string(longest.count()));
  }

  /// Handles signals until `is_over`. Returns false after a signal to end.
  bool serve_until(Clock::duration tick, const std::function<bool()>& is_over) {
    for (;;) {
      service_.tick();
      if (manager_.is_watchdog_due() && service_.is_polling()) manager_.feed_watchdog();
      if (is_over()) return true;
      switch (signals_.wait(tick)) {
        case SIGTERM:
        case SIGINT:
        case SIGQUIT: return false;
        case SIGHUP: reload(); break;
        case SIGUSR1: log_.reopen(); break;
        case SIGUSR2: log_.info("SIGUSR2 ignored: SIGHUP reloads, SIGUSR1 reopens the log"); break;
        default: break;
      }
    }
  }
  /// The same, for at most `longest`.
  bool serve_within(Clock::duration longest, const std::function<bool()>& is_over) {
    const auto until = Clock::now() + longest;
    return serve_until(kEndTick, [&] { return is_over() || Clock::now() >= until; });
  }

  bool end_requests() {
    // Connections, not requests: one that is idle may have sent a request just now.
    const auto all_gone = [this] { return service_.connections() == 0; };
    if (!serve_within(service_.shutdown().grace, all_gone)) return false;
    if (const auto left = service_.running(); left > 0) {
      log_.warn("shutdown.grace is over: cancelling the requests that are still running",
                {{"cancelled", left}});
      service_.cancel();
      if (!serve_within(kCancelled, all_gone)) return false;
    }
    if (service_.running() == 0) return true;
    log_.error(
        "requests are still running after cancellation: a plugin blocks outside the wait functions "
        "of the host",
        {{"running", service_.running()}, {"plugins", busy_plugins()}});
    return false;
  }

  bool end_admin() {
    service_.cancel_admin();
    const auto all_gone = [this] { return service_.admin_connections() == 0; };
    if (!serve_within(kCancelled, all_gone)) return false;
    if (all_gone()) return true;
    log_.error(
        "admin requests are still running after cancellation: a plugin blocks outside the wait "
        "functions of the host",
        {{"plugins", busy_plugins()}});
    return false;
  }

  bool end_plugins() {
    const std::string report = service_.report();
    service_.end();
    if (!serve_within(kPluginsEnd, [this] { return service_.has_ended(); })) return false;
    if (!service_.has_ended()) {
      log_.error("plugins did not end in time", {{"plugins", service_.ending()}});
      return false;
    }
    log_.write(Level::kInfo, {}, {}, "stopped", report);
    return true;
  }

  Service& service_;
  const Signals& signals_;
  ServiceManager& manager_;
  Log& log_;
};

int serve_here(const std::string& file, const Omissions& omissions, pid_t main) {
  // Larger blocks are given back to the system when they are freed, and so is what is free beyond
  // that at the end of a thread's heap. By default glibc raises the first limit to the size of the
  // largest block ever freed (mallopt(3)), and then keeps the memory of large bodies after a burst
  // of them. Lower limits cost more than they give: a chat of 200 KB would fault in all its pages
  // anew.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 4 << 20);
  const Signals signals;
  ServiceManager manager(main);
  report_crashes();
  Problems problems;
  auto config = Config::load(file, problems, omissions);
  Log log(config && problems.empty() ? config->log : LogSettings{.level = "error", .file = {}});
  Watchdog watchdog(log);
  const std::jthread watching([&](std::stop_token stop) { watchdog.run(std::move(stop)); });
  Gateway gateway(log, config ? config->store : StoreSettings());
  auto pipeline = config ? Pipeline::build(*config, gateway, problems) : nullptr;
  if (!pipeline) {
    std::cerr << problems;
    return 1;
  }

  Service service(file, std::move(*config), gateway, problems);
  if (!problems.empty()) {
    std::cerr << problems;
    return 1;
  }
  service.start(std::move(pipeline), problems);
  manager.send("READY=1\nMAINPID=" + std::to_string(main) + "\nSTATUS=Listening on " +
               service.address());
  if (Control(service, signals, manager, log).run()) return 0;
  log.warn("forced exit");
  log.flush();
  std::_Exit(1);
}

}  // namespace

int serve(const std::string& config_file, const Omissions& omissions) {
  keep_memory_private();
  const pid_t main = ::getpid();  // which passes signals on, if it is process 1
  return with_init([&] { return serve_here(config_file, omissions, main); });
}

}  // namespace gatehouse::core
