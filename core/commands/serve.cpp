#include "core/commands/serve.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/commands/init.h"
#include "core/commands/service.h"
#include "core/config/config.h"
#include "core/log/log.h"
#include "core/pipeline/pipeline.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kTick = std::chrono::milliseconds(250);
constexpr auto kEndTick = std::chrono::milliseconds(20);  // while it is waited for an end
constexpr auto kLastWords =
    std::chrono::seconds(2);  // for the error events of requests that are cancelled
constexpr auto kPluginsEnd = std::chrono::seconds(10);  // for plugins; tool servers have 5 s to end

/// A core file would hold keys and prompts. So would /proc/PID/environ and mem, which other
/// processes of the same user, such as tool servers, could read of a process that may leave one.
void keep_memory_private() {
  constexpr rlimit kNone{0, 0};
  ::setrlimit(RLIMIT_CORE, &kNone);
  ::prctl(PR_SET_DUMPABLE, 0);
}

/// The signals that a gateway understands, delivered to one thread when it asks.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int s : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) ::sigaddset(&set_, s);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);  // inherited by all threads
    std::signal(SIGPIPE, SIG_IGN);
  }
  /// The next signal, or 0 when none came in time.
  int wait(std::chrono::nanoseconds time) const {
    const timespec t{0, static_cast<long>(time.count())};
    const int s = ::sigtimedwait(&set_, nullptr, &t);
    return s > 0 ? s : 0;
  }

 private:
  sigset_t set_;
};

/// The control thread's life.
class Control {
 public:
  Control(Service& service, const Signals& signals, Log& log)
      : service_(service), signals_(signals), log_(log) {}

  /// Until the signal to end comes, and then until all has ended. False: a second one came, or
  /// something does not end.
  bool run() {
    (void)go_on(kTick, [] { return false; });
    service_.announce_end();
    const auto accepts_until = Clock::now() + service_.shutdown().delay;
    if (!go_on(kEndTick, [&] { return Clock::now() >= accepts_until; })) return false;
    service_.drain();
    return end_requests() && end_admin() && end_plugins();
  }

 private:
  /// Obeys signals until `is_over`. False: one to end has come.
  bool go_on(Clock::duration tick, const std::function<bool()>& is_over) {
    for (;;) {
      service_.tick();
      if (is_over()) return true;
      switch (signals_.wait(tick)) {
        case SIGTERM:
        case SIGINT:
        case SIGQUIT: return false;
        case SIGHUP: service_.reload(); break;
        case SIGUSR1: log_.reopen(); break;
        case SIGUSR2:
          say(Level::kInfo, "SIGUSR2 has no meaning: SIGHUP reloads, SIGUSR1 reopens the log");
          break;
        default: break;
      }
    }
  }
  /// False as go_on(), and after `longest`.
  bool go_on_within(Clock::duration longest, const std::function<bool()>& is_over) {
    const auto until = Clock::now() + longest;
    return go_on(kEndTick, [&] { return is_over() || Clock::now() >= until; });
  }

  bool end_requests() {
    // Connections, not requests: one that is idle may have sent a request just now.
    const auto all_gone = [this] { return service_.connections() == 0; };
    if (!go_on_within(service_.shutdown().grace, all_gone)) return false;
    if (const auto left = service_.running(); left > 0) {
      say(Level::kWarn, "the time for shutting down is over: requests are cancelled",
          Json{{"cancelled", left}}.dump());
      service_.cancel();
      if (!go_on_within(kLastWords, all_gone)) return false;
    }
    if (service_.running() == 0) return true;
    say(Level::kError, "requests do not end: a plugin waits for something else than the host",
        Json{{"running", service_.running()}}.dump());
    return false;
  }

  bool end_admin() {
    service_.cancel_admin();
    if (!go_on_within(kLastWords, [this] { return service_.admin_connections() == 0; }))
      return false;
    if (service_.admin_connections() == 0) return true;
    say(Level::kError,
        "requests of the admin address do not end: a plugin waits for something else than the "
        "host");
    return false;
  }

  bool end_plugins() {
    const std::string report = service_.report();
    service_.end();
    if (!go_on_within(kPluginsEnd, [this] { return service_.has_ended(); })) return false;
    if (!service_.has_ended()) {
      say(Level::kError, "plugins do not end: " + service_.ending());
      return false;
    }
    say(Level::kInfo, "stopped", report);
    return true;
  }

  void say(Level level, std::string_view message, std::string_view fields = {}) {
    log_.write(level, {}, {}, message, fields);
  }

  Service& service_;
  const Signals& signals_;
  Log& log_;
};

int serve_here(const std::string& file) {
  // What is larger is given back to the system when it is freed. glibc would raise this limit to
  // the size of the largest block that was freed (mallopt(3)), and keep the memory of all large
  // bodies after a burst of them.
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  const Signals signals;
  Problems problems;
  auto config = Config::load(file, problems);
  Log log(config && problems.empty() ? config->log : LogSettings{.level = "error", .file = {}});
  Gateway gateway(log, config ? config->store : StoreSettings());
  auto pipeline = config ? Pipeline::build(*config, gateway, problems) : nullptr;
  if (!pipeline) {
    std::cerr << problems;
    return 1;
  }

  Service service(file, std::move(*config), gateway);
  service.start(std::move(pipeline), problems);
  if (Control(service, signals, log).run()) return 0;
  log.write(Level::kWarn, {}, {}, "ended at once");
  log.flush();
  std::_Exit(1);
}

}  // namespace

int serve(const std::string& config_file) {
  keep_memory_private();
  return with_init([&] { return serve_here(config_file); });
}

}  // namespace gatehouse::core
