#include "core/commands/service.h"

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "core/pipeline/admin.h"
#include "core/report/crash.h"
#include "core/version.h"

namespace gatehouse::core {
namespace {

void log_all(Log& log, const Problems& problems) {
  for (const Problem& problem : problems.sorted()) {
    std::stringstream line;
    line << problem;
    log.write(problem.is_warning ? Level::kWarn : Level::kError, {}, {}, line.str());
  }
}

/// Keeps the settings that only a restart changes: gives `now` those of `first`, and `problems` a
/// warning for each difference.
void keep(const Config& first, Config& now, Problems& problems) {
  const auto warn_if = [&](bool changed, const char* key, const std::string& pointer) {
    const std::string text = std::string("`") + key + "` has changed: that needs a restart";
    if (changed) problems.warn(now.place(pointer), text);
  };
  const auto listens_elsewhere = [](const ServerSettings& a, const ServerSettings& b) {
    return a.address != b.address || a.port != b.port;
  };
  const bool had_admin = !first.admin.token.empty(), has_admin = !now.admin.token.empty();
  warn_if(listens_elsewhere(first.server, now.server), "server.listen", "/server/listen");
  warn_if(had_admin != has_admin, "admin", "/admin");
  const bool admin_moved =
      had_admin && has_admin && listens_elsewhere(first.admin.server, now.admin.server);
  warn_if(admin_moved, "admin.listen", "/admin/listen");
  warn_if(first.store.redis != now.store.redis, "store", "/store");
  warn_if(first.store.max_bytes != now.store.max_bytes, "store.max_size", "/store/max_size");
  now.server.address = first.server.address;
  now.server.port = first.server.port;
  now.admin.server.address = first.admin.server.address;
  now.admin.server.port = first.admin.server.port;
}

std::int64_t ms_since_epoch() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

}  // namespace

Service::Service(std::string config_file, Config config, Gateway& gateway)
    : config_file_(std::move(config_file)),
      omissions_(config.omissions),
      first_(std::move(config)),
      gateway_(gateway),
      pipelines_(gateway.log),
      shutdown_(first_.shutdown) {
  first_.pipeline.clear();  // so that keys a reload has replaced leave the memory
  clients_.emplace(first_.server, gateway.log);
  clients_->listen();
  if (!first_.admin.token.empty()) {
    admin_.emplace(first_.admin.server, gateway.log);
    admin_->listen();
  }
  gateway.traffic = [this] {
    return Gateway::Traffic{clients_->running(), clients_->connections(), is_ending_};
  };
}

void Service::start(std::unique_ptr<Pipeline> first, const Problems& warnings) {
  log_all(gateway_.log, warnings);
  report_crashes_to(first_.log.file);
  gateway_.store->try_at_start();
  first->prepare();
  first->start(nullptr);
  use(first_, pipelines_.own(std::move(first)));
  clients_->start();
  Log::Fields fields = {
      {"address", clients_->address()}, {"version", kVersion}, {"pipeline", pipeline_->picture()}};
  if (admin_) {
    admin_->start();
    fields.emplace_back("admin", admin_->address());
  }
  gateway_.log.info("listening", fields);
}

void Service::use(const Config& config, std::shared_ptr<const Pipeline> pipeline) {
  const auto admin = std::make_shared<const Admin>(config.admin.token, pipeline, gateway_.reloads);
  auto for_clients = std::make_shared<const Setup>(Setup{config.server, pipeline});
  // An `admin` that a reload removes stays open until the restart, but lets nobody in.
  const bool is_removed = config.admin.token.empty();
  const ServerSettings& of_admin = is_removed ? first_.admin.server : config.admin.server;
  auto for_admin = std::make_shared<const Setup>(Setup{of_admin, admin});
  clients_->use(std::move(for_clients));
  if (admin_) admin_->use(std::move(for_admin));
  pipeline_ = std::move(pipeline);
  shutdown_ = config.shutdown;
}

void Service::reload() {
  Log& log = gateway_.log;
  const auto wishes = gateway_.reloads.take();
  Problems problems;
  try {
    if (is_ending_) throw std::runtime_error("the gateway is shutting down");
    replace(problems);
  } catch (const std::exception& e) {
    problems.add({}, e.what());
  }
  log_all(log, problems);
  if (problems.empty()) {
    log.info("reloaded: " + pipeline_->picture());
  } else {
    log.error("reload failed: keeping the running configuration (see the errors above)");
  }
  std::string picture = pipeline_ ? pipeline_->picture() : std::string();  // null after end()
  gateway_.reloads.finish(wishes, {ms_since_epoch(), std::move(picture), std::move(problems)});
}

/// Everything that can fail comes before the first change.
void Service::replace(Problems& problems) {
  auto config = Config::load(config_file_, problems, omissions_);
  if (config) keep(first_, *config, problems);
  std::unique_ptr<Pipeline> next = config ? Pipeline::build(*config, gateway_, problems) : nullptr;
  if (!next) return;
  next->prepare();
  try {
    gateway_.log.use(config->log);
  } catch (const std::system_error& e) {
    problems.add(config->place("/log/file"), e.what());
    return;
  }
  report_crashes_to(config->log.file);
  next->start(pipeline_.get());
  use(*config, pipelines_.own(std::move(next)));
}

void Service::tick() {
  pipelines_.tick();
  clients_->tick();
  if (admin_) admin_->tick();
}

void Service::announce_end() {
  is_ending_ = true;
  gateway_.log.info("shutting down", {{"running", running()}});
}

void Service::cancel_admin() {
  if (!admin_) return;
  admin_->drain();
  admin_->cancel();
}

void Service::end() {
  clients_->end();
  clients_->use(nullptr);
  if (admin_) {
    admin_->end();
    admin_->use(nullptr);
  }
  pipeline_.reset();
}

}  // namespace gatehouse::core
