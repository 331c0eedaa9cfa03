#pragma once

#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "core/log/log.h"
#include "core/log/reminder.h"
#include "core/net/activity.h"

namespace gatehouse::core {

/// Logs which plugin keeps a thread for long outside the wait functions of the host: it misses the
/// end of its request, or holds up a reload or the shutdown (5 s, once for each occurrence), or the
/// other requests of its thread (100 ms, once a minute).
class Watchdog {
 public:
  explicit Watchdog(Log& log) : log_(log) {}

  /// Looks often until `stop`. On a thread of its own, since the control thread may be the one that
  /// is kept, by a plugin that is being created.
  void run(std::stop_token stop);
  void look(Activity::Clock::time_point now);

 private:
  void log(Level level, const Activity::Snapshot& call, std::string_view what,
           const Log::Field& time) const;

  Log& log_;
  std::map<const PluginLabel*, Reminder> held_up_;
  std::set<std::pair<const Activity*, Activity::Clock::time_point>> logged_;  // that last
};

/// "cache (4f1c-0001), mcp": the plugins that keep threads outside the wait functions of the host,
/// and their requests.
std::string busy_plugins();

}  // namespace gatehouse::core
