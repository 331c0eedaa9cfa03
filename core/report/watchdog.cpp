#include "core/report/watchdog.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace gatehouse::core {
namespace {

// Longer than a plugin computes for one request, and than a file system or a name server makes it
// wait as a rule.
constexpr auto kLong = std::chrono::seconds(5);
constexpr auto kInterval = std::chrono::seconds(1);

void log_call(Log& log, const Activity::Snapshot& blocked, Activity::Clock::duration time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  log.write(Level::kWarn, blocked.call.plugin->instance, blocked.request,
            "the plugin blocks a thread outside the wait functions of the host",
            Log::text_of({{"while", blocked.call.purpose},
                          {"version", blocked.call.plugin->version},
                          {"seconds", seconds}}));
}

}  // namespace

void Watchdog::run(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, stop, kInterval, [&] { return stop.stop_requested(); }))
    look(Activity::Clock::now());
}

void Watchdog::look(Activity::Clock::time_point now) {
  auto before = std::exchange(logged_, {});
  Activity::each_busy([&](const Activity::Snapshot& call) {
    if (call.call.plugin->may_block || now - call.since < kLong) return;
    const std::pair occurrence(call.thread, call.since);
    if (before.count(occurrence) == 0) log_call(log_, call, now - call.since);
    logged_.insert(occurrence);
  });
}

std::string busy_plugins() {
  std::string names;
  Activity::each_busy([&](const Activity::Snapshot& call) {
    names.append(names.empty() ? "" : ", ").append(call.call.plugin->instance);
    if (!call.request.empty()) names.append(" (").append(call.request).append(")");
  });
  return names;
}

}  // namespace gatehouse::core
