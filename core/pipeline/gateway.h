#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/config/settings.h"
#include "core/http/wait.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/store/store.h"

namespace gatehouse::core {

/// What all plugins of a process share, and what outlives a reload. Any thread.
class Gateway {
 public:
  Gateway(Log& log_to, const StoreSettings& store_at) : log(log_to), store(Store::open(store_at, log_to)) {}

  struct Traffic {
    std::size_t running = 0, connections = 0;
    bool draining = false;
  };
  /// How the last reload went.
  struct Reload {
    std::int64_t at_ms;  // since 1970
    std::string error;   // empty: it went well
  };

  Log& log;
  Metrics metrics;
  const std::unique_ptr<Store> store;
  const Clock::time_point started = Clock::now();
  std::function<Traffic()> traffic = [] { return Traffic(); };  // set before the first request

  void set_reload(Reload reload) {
    const std::lock_guard lock(mutex_);
    reload_ = std::move(reload);
  }
  std::optional<Reload> reload() const {
    const std::lock_guard lock(mutex_);
    return reload_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Reload> reload_;  // guarded by mutex_
};

}  // namespace gatehouse::core
