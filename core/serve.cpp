#include "core/serve.h"

#include <malloc.h>
#include <sys/resource.h>

#include <csignal>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/config/config.h"
#include "core/log/log.h"
#include "core/pipeline/pipeline.h"
#include "core/server/admin.h"
#include "core/server/server.h"
#include "core/version.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kTick = std::chrono::milliseconds(250);
constexpr auto kLastWords = std::chrono::seconds(2);  // for the error events of requests that are cancelled

/// The signals that a gateway understands, delivered to one thread when it asks.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) ::sigaddset(&set_, s);
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

bool is_end(int signal) { return signal == SIGTERM || signal == SIGINT; }

void log_all(Log& log, const Problems& problems) {
  for (const Problem& problem : problems.sorted()) {
    std::stringstream line;
    line << problem;
    log.write(problem.is_warning ? Level::kWarn : Level::kError, {}, {}, line.str());
  }
}

/// Where clients are served, and the operator.
struct Servers {
  Servers(const Config& config, Log& log)
      : clients(
            config.server, log, [](const Pipeline& pipeline, Exchange& x, const gh_sink& out) { return pipeline.run(x, out); },
            [](const Pipeline& pipeline, Exchange& x) { pipeline.refused(x); }) {
    clients.listen();
    if (config.admin.token.empty()) return;
    admin.emplace(
        config.admin.server, log,
        [token = config.admin.token](const Pipeline& pipeline, Exchange& x, const gh_sink& out) { return run_admin(token, pipeline, x, out); },
        [](const Pipeline&, Exchange&) {});
    admin->listen();
  }

  void use(const std::shared_ptr<const Pipeline>& pipeline) {
    clients.use(pipeline);
    if (admin) admin->use(pipeline);
  }
  void start() {
    clients.start();
    if (admin) admin->start();
  }
  void tick() {
    clients.tick();
    if (admin) admin->tick();
  }

  Server clients;
  std::optional<Server> admin;
};

/// Puts what the file says now in the place of what runs. Throws std::runtime_error if that cannot be.
void replace(const std::string& file, const Config& running, std::shared_ptr<const Pipeline>& pipeline, Servers& servers, Gateway& gateway) {
  Log& log = gateway.log;
  Problems problems;
  const auto config = Config::load(file, problems);
  const std::shared_ptr<Pipeline> next = config ? Pipeline::build(*config, gateway, problems) : nullptr;
  if (!next) {
    log_all(log, problems);
    throw std::runtime_error("the file has problems");
  }
  log_all(log, problems);
  next->start(pipeline.get());
  pipeline = next;
  servers.use(pipeline);
  log.write(Level::kInfo, {}, {}, "reloaded: " + pipeline->picture());
  if (!(config->server == running.server && config->admin == running.admin && config->shutdown == running.shutdown && config->log == running.log &&
        config->store == running.store)) {
    log.write(Level::kWarn, {}, {}, "changes of server, admin, store, shutdown and log take effect at the next start");
  }
}

void reload(const std::string& file, const Config& running, std::shared_ptr<const Pipeline>& pipeline, Servers& servers, Gateway& gateway) {
  Gateway::Reload outcome{std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count(), {}};
  try {
    replace(file, running, pipeline, servers, gateway);
  } catch (const std::exception& e) {
    outcome.error = e.what();
    gateway.log.write(Level::kError, {}, {}, "the configuration was not reloaded, the old one goes on: " + outcome.error);
  }
  gateway.set_reload(outcome);
}

/// Until the signal to end comes.
void run(const std::string& file, const Config& config, std::shared_ptr<const Pipeline>& pipeline, Servers& servers, const Signals& signals, Gateway& gateway) {
  for (;;) {
    const int signal = signals.wait(kTick);
    if (is_end(signal)) return;
    if (signal == SIGHUP) reload(file, config, pipeline, servers, gateway);
    if (signal == SIGUSR1) gateway.log.reopen();
    servers.tick();
  }
}

/// Lets running requests finish, up to `grace`. False: a second signal came, or they do not end.
bool drain(Server& server, milliseconds grace, const Signals& signals, Log& log) {
  log.write(Level::kInfo, {}, {}, "shutting down", Json{{"running", server.running()}}.dump());
  server.drain();
  // Connections, not requests: one that is idle may have sent a request just now.
  const auto all_gone_within = [&](Clock::duration longest) {
    for (const auto until = Clock::now() + longest; server.connections() > 0 && Clock::now() < until; server.tick()) {
      if (is_end(signals.wait(std::chrono::milliseconds(20)))) return false;
    }
    return true;
  };
  if (!all_gone_within(grace)) return false;
  if (const auto left = server.running(); left > 0) {
    log.write(Level::kWarn, {}, {}, "the time for shutting down is over: requests are cancelled", Json{{"cancelled", left}}.dump());
    server.cancel();
    if (!all_gone_within(kLastWords)) return false;
  }
  if (server.running() == 0) return true;
  log.write(Level::kError, {}, {}, "requests do not end: a plugin waits for something else than the host", Json{{"running", server.running()}}.dump());
  return false;
}

}  // namespace

int serve(const std::string& file) {
  // What is larger is given back to the system when it is freed. glibc would raise this limit to the size of the largest block
  // that was freed (mallopt(3)), and keep the memory of all large bodies after a burst of them.
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  constexpr rlimit kNone{0, 0};
  ::setrlimit(RLIMIT_CORE, &kNone);  // a core file would hold keys and prompts
  const Signals signals;
  Problems problems;
  const auto config = Config::load(file, problems);
  Log log(config && problems.empty() ? config->log : LogSettings{.level = "error", .file = {}});
  Gateway gateway(log, config ? config->store : StoreSettings());
  std::shared_ptr<Pipeline> first = config ? Pipeline::build(*config, gateway, problems) : nullptr;
  if (!first) {
    std::cerr << problems;
    return 1;
  }

  std::shared_ptr<const Pipeline> pipeline = first;
  Servers servers(*config, log);
  gateway.traffic = [&clients = servers.clients] { return Gateway::Traffic{clients.running(), clients.connections(), clients.draining()}; };
  log_all(log, problems);
  gateway.store->try_at_start();
  first->start(nullptr);
  servers.use(std::move(first));
  servers.start();
  Json started = {{"address", servers.clients.address()}, {"version", kVersion}, {"pipeline", pipeline->picture()}};
  if (servers.admin) started["admin"] = servers.admin->address();
  log.write(Level::kInfo, {}, {}, "listening", started.dump());

  run(file, *config, pipeline, servers, signals, gateway);
  if (!drain(servers.clients, config->shutdown.grace, signals, log)) {
    log.write(Level::kWarn, {}, {}, "ended at once");
    log.flush();
    std::_Exit(1);
  }
  log.write(Level::kInfo, {}, {}, "stopped", pipeline->report());
  return 0;
}

}  // namespace gatehouse::core
