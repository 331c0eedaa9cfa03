#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "checks.h"
#include "gatehouse/plugin.hpp"
#include "memory.h"

namespace gatehouse::plugins::health {

/// Reports the gateway's health from state that it already holds: a health check never calls an
/// upstream.
class Health final : public Plugin {
 public:
  /// `root`: where /proc and /sys are; "" except in tests.
  Health(Host host, Json config, std::string root = "");

 private:
  Status health(Exchange& x, Sink& out);
  Status detailed(Exchange& x, Sink& out);
  Status livez(Exchange& x, Sink& out);
  Status readyz(Exchange& x, Sink& out);

  std::string summary();
  Document report() const;
  Memory memory();
  void summarize(Json report, const Memory& memory, MutableJson into) const;
  void describe(Json report, const Memory& memory, MutableJson into) const;

  const Host host_;
  const GatewayStatus status_;
  const Checks checks_;
  const std::string environment_, root_;

  std::mutex mutex_;
  Memory memory_;                                        // guarded by mutex_
  std::optional<std::chrono::nanoseconds> memory_read_;  // when; guarded by mutex_

  std::mutex summary_mutex_;
  std::string summary_;                                   // guarded by summary_mutex_
  std::optional<std::chrono::nanoseconds> summary_made_;  // when; guarded by summary_mutex_
};

}  // namespace gatehouse::plugins::health
