#include <CLI/CLI.hpp>
#include <csignal>
#include <ctime>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/commands.h"
#include "core/config/config.h"
#include "core/log/log.h"
#include "core/pipeline/pipeline.h"
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
  std::stringstream lines;
  lines << problems;
  for (std::string line; std::getline(lines, line);) log.write(Level::kError, {}, {}, line);
}

/// Puts what the file says now in the place of what runs, or says why not.
void reload(const std::string& file, const Config& running, std::shared_ptr<const Pipeline>& pipeline, Server& server, Log& log) {
  Problems problems;
  const auto config = Config::load(file, problems);
  std::unique_ptr<Pipeline> next = config ? Pipeline::build(*config, log, problems) : nullptr;
  if (!next) {
    log_all(log, problems);
    return log.write(Level::kError, {}, {}, "the configuration was not reloaded: the old one goes on");
  }
  next->adopt(*pipeline);
  pipeline = std::move(next);
  server.use(pipeline);
  log.write(Level::kInfo, {}, {}, "reloaded: " + pipeline->picture());
  if (!(config->server == running.server && config->shutdown == running.shutdown && config->log == running.log)) {
    log.write(Level::kWarn, {}, {}, "changes of server, shutdown and log take effect at the next start");
  }
}

/// Until the signal to end comes.
void run(const std::string& file, const Config& config, std::shared_ptr<const Pipeline>& pipeline, Server& server, const Signals& signals, Log& log) {
  for (;;) {
    const int signal = signals.wait(kTick);
    if (is_end(signal)) return;
    if (signal == SIGHUP) {
      try {
        reload(file, config, pipeline, server, log);
      } catch (const std::exception& e) {
        log.write(Level::kError, {}, {}, std::string("the configuration was not reloaded: ") + e.what());
      }
    }
    if (signal == SIGUSR1) log.reopen();
    server.tick();
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

int serve(const std::string& file) {
  const Signals signals;
  Problems problems;
  const auto config = Config::load(file, problems);
  Log log(config && problems.empty() ? config->log : LogSettings{.level = "error", .file = {}});
  std::shared_ptr<const Pipeline> pipeline = config ? Pipeline::build(*config, log, problems) : nullptr;
  if (!pipeline) {
    std::cerr << problems;
    return 1;
  }

  Server server(config->server, log);
  server.listen();
  server.use(pipeline);
  server.start();
  log.write(Level::kInfo, {}, {}, "listening", Json{{"address", server.address()}, {"version", kVersion}, {"pipeline", pipeline->picture()}}.dump());

  run(file, *config, pipeline, server, signals, log);
  if (!drain(server, config->shutdown.grace, signals, log)) {
    log.write(Level::kWarn, {}, {}, "ended at once");  // also writes out what is buffered
    std::_Exit(1);
  }
  log.write(Level::kInfo, {}, {}, "stopped", pipeline->self_times());
  return 0;
}

}  // namespace
}  // namespace gatehouse::core

int main(int argc, char** argv) {
  using namespace gatehouse::core;
  CLI::App app{"Gatehouse, a gateway between applications and large language models"};
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  std::string file;
  const auto command = [&](CLI::App& parent, const char* name, const char* what, const char* argument, const char* which, int (*function)(const std::string&)) {
    CLI::App* const c = parent.add_subcommand(name, what);
    c->add_option(argument, file, which)->required(argument[0] != 'D');
    c->final_callback([&file, function] { throw CLI::RuntimeError(function(file)); });
  };
  command(app, "serve", "Run the gateway", "CONFIG", "Configuration file (YAML)", serve);
  command(app, "check", "Say everything that is wrong with a configuration", "CONFIG", "Configuration file (YAML)", check);
  CLI::App& plugins = *app.add_subcommand("plugins", "Look at plugins")->require_subcommand(1);
  command(plugins, "list", "The plugins of a folder", "DIRECTORY", "Folder (default: where the installation keeps them)", list_plugins);
  command(plugins, "inspect", "What a plugin is, what it takes, and whether it would load here", "FILE", "Shared object", inspect_plugin);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::cerr << "gatehouse: " << e.what() << '\n';
    return 1;
  }
}
