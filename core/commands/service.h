#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "core/config/config.h"
#include "core/pipeline/admin_session.h"
#include "core/pipeline/pipelines.h"
#include "core/server/server.h"

namespace gatehouse::core {

/// The running gateway: the addresses of clients and of the operator, and the pipeline behind them.
/// Control thread.
class Service {
 public:
  /// Opens the addresses, and reports those that cannot be opened in `problems`.
  Service(std::string config_file, Config config, Gateway& gateway, Problems& problems);

  /// Starts serving with the first pipeline, and logs `warnings`. Throws std::runtime_error if
  /// there are no threads.
  void start(std::unique_ptr<Pipeline> first, const Problems& warnings);
  /// Replaces the pipeline and the settings by those of the file as it is now. If the file has
  /// problems, changes nothing, logs them and returns false.
  bool reload();
  /// Several times a second.
  void tick();
  /// Whether the addresses still accept connections: see Server::is_polling().
  bool is_polling();

  /// Makes the shutdown known (log, status, health checks); still serves.
  void announce_end();
  /// Accepts no new connections of clients. The admin address still serves.
  void drain() { clients_.drain(); }
  /// Ends the requests of clients with an error.
  void cancel() { clients_.cancel(); }
  /// drain() and cancel() for the admin address.
  void cancel_admin();
  /// After the last request: begins to destroy the pipeline, until has_ended().
  void end();
  bool is_ending() const { return is_ending_; }
  bool has_ended() const { return pipelines_.empty(); }

  /// Of clients.
  std::string address() const { return addresses_of(clients_.listeners()); }
  std::size_t running() const { return clients_.running(); }
  std::size_t connections() const { return clients_.connections(); }
  std::size_t admin_connections() const { return admin_ ? admin_->connections() : 0; }
  std::string report() const { return pipeline_->report(); }
  const ShutdownSettings& shutdown() const { return shutdown_; }
  /// The plugins that are being destroyed.
  std::string ending() const { return pipelines_.ending(); }

 private:
  /// The addresses of both servers.
  struct Open {
    Listeners clients, admin;
  };
  Open open(const Config& config, Problems& problems) const;
  void replace(Problems& problems);
  void use(const Config& config, std::shared_ptr<const Pipeline> pipeline);
  void listen(Open addresses);
  void log_addresses() const;
  void start_admin();

  const std::string config_file_;
  const Omissions omissions_;
  Config first_;  // for the settings that only a restart changes; without the pipeline
  Gateway& gateway_;
  Pipelines pipelines_;
  std::shared_ptr<const Pipeline> pipeline_;
  ShutdownSettings shutdown_;
  std::atomic<bool> is_ending_{false};
  WrongTokens wrong_tokens_;
  Server clients_;
  std::optional<Server> admin_;  // from the first admin address on
};

}  // namespace gatehouse::core
