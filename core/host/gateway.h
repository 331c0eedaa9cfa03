#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "core/config/settings.h"
#include "core/host/reloads.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/net/wait.h"
#include "core/store/store.h"

namespace gatehouse::core {

/// What all plugins of a process share and what outlives a reload. Any thread.
class Gateway {
 public:
  Gateway(Log& log_to, const StoreSettings& store_at)
      : log(log_to), store(Store::open(store_at, log_to)) {}

  struct Traffic {
    std::size_t running = 0, connections = 0;
    bool draining = false;
  };
  Log& log;
  Metrics metrics;
  Reloads reloads;
  const std::unique_ptr<Store> store;
  const Clock::time_point started = Clock::now();
  std::function<Traffic()> traffic = [] { return Traffic(); };  // set before the first request
};

}  // namespace gatehouse::core
