#pragma once

#include <mutex>

#include "gatehouse/plugin.hpp"
#include "memory.h"

namespace gatehouse::plugins::health {

/// Answers GET /health, /health/detailed, /livez and /readyz from what the gateway knows already:
/// it asks nobody.
class Health final : public Plugin {
 public:
  /// `root`: where /proc and /sys are; "" but in tests.
  Health(Host host, Json config, std::string root = "");

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  /// One thing that may be wrong.
  struct Check {
    View name;
    int state;  // GH_UP, GH_DEGRADED or GH_DOWN
    std::string message;
  };

  Memory memory();
  std::vector<Check> check(Json report, const Memory& memory) const;
  template <class F>
  static Check check_plugins(View name, Json plugins, F belongs);
  static Check check_store(Json store);
  Check check_memory(const Memory& memory) const;
  static int worst(const std::vector<Check>& checks);

  Status tell(Exchange& x, Sink& out, Json report, const Memory& memory) const;
  void describe(Json report, const Memory& memory, MutableJson details) const;
  Status tell_readiness(Exchange& x, Sink& out, Json report, const Memory& memory) const;

  const Host host_;
  const GatewayStatus status_;
  const int health_, detailed_, livez_, readyz_;  // routes
  const std::string environment_, root_;
  const double memory_warning_, memory_critical_;  // percent

  std::mutex mutex_;
  Memory memory_;                                        // guarded by mutex_
  std::optional<std::chrono::nanoseconds> memory_read_;  // when; guarded by mutex_
};

}  // namespace gatehouse::plugins::health
