#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "core/config/config.h"
#include "core/pipeline/pipelines.h"
#include "core/server/server.h"

namespace gatehouse::core {

/// What runs: where clients are served, and the operator, and by which pipeline. Control thread.
class Service {
 public:
  /// Takes the addresses. Throws std::runtime_error if that cannot be.
  Service(std::string config_file, Config config, Gateway& gateway);

  /// Serves by the first pipeline. Throws as above.
  void start(std::unique_ptr<Pipeline> first, const Problems& warnings);
  /// Puts what the file says now in the place of what runs. If something is wrong with it, changes
  /// nothing and says so.
  void reload();
  /// Several times a second.
  void tick();

  /// Says that it is going to end, and goes on.
  void announce_end();
  /// No new connections of clients. What the operator asks is still answered.
  void drain() { clients_->drain(); }
  /// Wakes up the requests of clients, to be ended with an error.
  void cancel() { clients_->cancel(); }
  /// The same for the operator.
  void cancel_admin();
  /// After the last request: lets the pipeline go. It is over when has_ended().
  void end();
  bool has_ended() const { return pipelines_.empty(); }

  std::size_t running() const { return clients_->running(); }
  std::size_t connections() const { return clients_->connections(); }
  std::size_t admin_connections() const { return admin_ ? admin_->connections() : 0; }
  std::string report() const { return pipeline_->report(); }
  const ShutdownSettings& shutdown() const { return shutdown_; }
  /// The plugins that do not end.
  std::string ending() const { return pipelines_.ending(); }

 private:
  void replace(Problems& problems);
  void use(const Config& config, std::shared_ptr<const Pipeline> pipeline);

  const std::string config_file_;
  Config first_;  // what takes effect at a start only is in here, and no pipeline
  Gateway& gateway_;
  Pipelines pipelines_;
  std::shared_ptr<const Pipeline> pipeline_;
  ShutdownSettings shutdown_;
  std::atomic<bool> is_ending_{false};
  std::optional<Server> clients_, admin_;
};

}  // namespace gatehouse::core
