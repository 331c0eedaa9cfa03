#include "core/report/watchdog.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace gatehouse::core {
namespace {

using std::chrono::milliseconds;

// Longer than a plugin computes for one request, and than a file system or a name server makes it
// wait as a rule.
constexpr auto kBlocks = std::chrono::seconds(5);
// On a fiber, all requests of its thread wait meanwhile.
constexpr auto kHoldsUp = milliseconds(100);
constexpr auto kInterval = kHoldsUp / 2;

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
    const auto time = std::chrono::duration_cast<milliseconds>(now - call.since);
    const PluginLabel& plugin = *call.call.plugin;
    if (call.is_of_fiber && time >= kHoldsUp && held_up_[&plugin].due())
      log(Level::kWarn, call, "the plugin holds up the other requests of its thread",
          {"ms", time.count()});
    if (plugin.may_block || time < kBlocks) return;
    const std::pair occurrence(call.of, call.since);
    if (before.count(occurrence) == 0) {
      log(Level::kWarn, call, "the plugin blocks a thread outside the wait functions of the host",
          {"seconds", time.count() / 1000});
    }
    logged_.insert(occurrence);
  });
}

void Watchdog::log(Level level, const Activity::Snapshot& call, std::string_view what,
                   const Log::Field& time) const {
  const PluginLabel& plugin = *call.call.plugin;
  log_.write(level, plugin.instance, call.request, what,
             Log::text_of({{"while", call.call.purpose}, {"version", plugin.version}, time}));
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
