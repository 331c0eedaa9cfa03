#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/net/server_tls.h"
#include "core/net/wait.h"

namespace gatehouse::core {

/// The TLS of a listener. Reads the certificates again when their files have changed, and replaces
/// the keys of session tickets, which could decrypt recorded traffic, twice a day.
class ListenerTls {
 public:
  /// Throws std::runtime_error if a certificate cannot be used.
  ListenerTls(std::vector<CertificateFiles> files, Log& log, Metrics& metrics);

  /// For the next connection. Any thread.
  std::shared_ptr<const ServerTls> current() const;
  /// Control thread, several times a second.
  void tick();

 private:
  using Stamps = std::vector<std::array<std::int64_t, 7>>;
  void load();
  void reload();
  void warn_of_expiry();
  Stamps stamps() const;

  const std::vector<CertificateFiles> files_;
  Log& log_;
  Metrics& metrics_;
  Gauges expiries_;  // of its certificates
  std::vector<Certificate> certificates_;
  Stamps loaded_, seen_;
  Clock::time_point next_look_, next_load_, next_warning_;

  mutable std::mutex mutex_;
  std::shared_ptr<const ServerTls> current_;  // guarded by mutex_
};

}  // namespace gatehouse::core
