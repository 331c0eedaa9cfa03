#include "core/commands/service.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "core/net/tls.h"
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

/// Warns of settings that only a restart changes.
void warn_of_restart(const Config& first, const Config& now, Problems& problems) {
  const auto warn_if = [&](bool changed, const char* key, const std::string& pointer) {
    const std::string text = std::string("`") + key + "` has changed: that needs a restart";
    if (changed) problems.warn(now.place(pointer), text);
  };
  warn_if(first.store.redis != now.store.redis, "store", "/store");
  warn_if(first.store.max_bytes != now.store.max_bytes, "store.max_size", "/store/max_size");
}

std::int64_t ms_since_epoch() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

}  // namespace

Service::Service(std::string config_file, Config config, Gateway& gateway, Problems& problems)
    : config_file_(std::move(config_file)),
      omissions_(config.omissions),
      first_(std::move(config)),
      gateway_(gateway),
      pipelines_(gateway.log),
      shutdown_(first_.shutdown),
      clients_(gateway.log, gateway.metrics, std::max(1u, std::thread::hardware_concurrency())) {
  first_.pipeline.clear();  // so that keys a reload has replaced leave the memory
  if (!first_.admin.token.empty()) admin_.emplace(gateway.log, gateway.metrics, 1);
  listen(open(first_, problems));
  gateway.traffic = [this] {
    return Gateway::Traffic{clients_.running(), clients_.connections(), is_ending_};
  };
}

void Service::start(std::unique_ptr<Pipeline> first, const Problems& warnings) {
  log_all(gateway_.log, warnings);
  report_crashes_to(first_.log.file);
  trust_authorities(std::exchange(first_.upstream, {}).ca);  // without the proxy's password
  gateway_.store->watch();
  first->prepare();
  first->start(nullptr);
  use(first_, pipelines_.own(std::move(first)));
  ::malloc_trim(0);  // what reading the configuration took, before requests come
  clients_.start();
  if (admin_) admin_->start();
  log_addresses();
}

void Service::use(const Config& config, std::shared_ptr<const Pipeline> pipeline) {
  const auto admin =
      std::make_shared<const Admin>(config.admin.token, pipeline, gateway_, wrong_tokens_);
  clients_.use(std::make_shared<const Setup>(Setup{config.server, pipeline}));
  if (admin_) admin_->use(std::make_shared<const Setup>(Setup{config.admin.server, admin}));
  pipeline_ = std::move(pipeline);
  shutdown_ = config.shutdown;
}

Service::Open Service::open(const Config& config, Problems& problems) const {
  Listeners now = clients_.listeners();
  if (admin_) now.insert(now.end(), admin_->listeners().begin(), admin_->listeners().end());
  Open out;
  out.clients = open_listeners(config.server.listen, now, config, gateway_, problems);
  out.admin = open_listeners(config.admin.server.listen, now, config, gateway_, problems);
  return out;
}

void Service::listen(Open addresses) {
  clients_.listen(std::move(addresses.clients));
  if (admin_) admin_->listen(std::move(addresses.admin));
}

void Service::log_addresses() const {
  Log::Fields fields = {{"address", addresses_of(clients_.listeners())},
                        {"version", kVersion},
                        {"pipeline", pipeline_->picture()}};
  const std::string admin = admin_ ? addresses_of(admin_->listeners()) : "";
  if (!admin.empty()) fields.emplace_back("admin", admin);
  gateway_.log.info("listening", fields);
}

bool Service::reload() {
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
  const bool is_done = problems.empty();
  std::string picture = pipeline_ ? pipeline_->picture() : std::string();  // null after end()
  gateway_.reloads.finish(wishes, {ms_since_epoch(), std::move(picture), std::move(problems)});
  return is_done;
}

/// Everything that can fail comes before the first change.
void Service::replace(Problems& problems) {
  auto config = Config::load(config_file_, problems, omissions_);
  if (config) warn_of_restart(first_, *config, problems);
  std::unique_ptr<Pipeline> next = config ? Pipeline::build(*config, gateway_, problems) : nullptr;
  if (!next) return;
  Open addresses = open(*config, problems);
  if (!problems.empty()) return;
  next->prepare();
  if (!config->admin.token.empty() && !admin_) start_admin();
  try {
    gateway_.log.use(config->log);
  } catch (const std::system_error& e) {
    problems.add(config->place("/log/file"), e.what());
    return;
  }
  trust_authorities(config->upstream.ca);
  report_crashes_to(config->log.file);
  next->start(pipeline_.get());
  use(*config, pipelines_.own(std::move(next)));
  const Open before{clients_.listeners(), admin_ ? admin_->listeners() : Listeners()};
  listen(std::move(addresses));
  const bool moved = addresses_of(before.clients) != addresses_of(clients_.listeners()) ||
                     (admin_ && addresses_of(before.admin) != addresses_of(admin_->listeners()));
  if (moved) log_addresses();
}

void Service::start_admin() {
  admin_.emplace(gateway_.log, gateway_.metrics, 1);
  try {
    admin_->start();
  } catch (const std::runtime_error&) {
    admin_.reset();
    throw;
  }
}

void Service::tick() {
  pipelines_.tick();
  clients_.tick();
  if (admin_) admin_->tick();
}

bool Service::is_polling() {
  const bool clients = clients_.is_polling(), admin = !admin_ || admin_->is_polling();
  return clients && admin;
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
  clients_.end();
  clients_.use(nullptr);
  if (admin_) {
    admin_->end();
    admin_->use(nullptr);
  }
  pipeline_.reset();
}

}  // namespace gatehouse::core
