#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gatehouse::core {

/// A plugin instance as crashes and the watchdog report it. One for each name and version, which is
/// never destroyed, so that signal handlers and other threads may read it.
struct PluginLabel {
  std::string instance, version;
  bool may_block = false;  // GH_PLUGIN_BLOCKS

  static const PluginLabel& of(std::string_view instance, std::string_view version,
                               bool may_block = false);
};

/// What one thread, or one fiber, does for plugins. Written by its thread, read by the watchdog
/// and, if the thread crashes, by its signal handler. It costs some stores in memory that no other
/// thread writes.
class Activity {
 public:
  using Clock = std::chrono::steady_clock;
  /// Code of a plugin that a thread is in, and what it is called for, such as "handling a request".
  struct Call {
    const PluginLabel* plugin = nullptr;  // null: no code of a plugin
    const char* purpose = "";
  };
  struct Snapshot {
    Call call;
    std::string request;        // its id; empty: the call is for none
    Clock::time_point since{};  // when the thread last entered the plugin or ended a wait
    const Activity* of = nullptr;
    bool is_of_fiber = false;  // other requests wait for its thread
  };
  /// The memory below a stack, which an overflow hits; that of threads is not known.
  struct Guard {
    const void *begin = nullptr, *end = nullptr;
    bool holds(const void* address) const { return address >= begin && address < end; }
  };

  /// That of the calling thread, or of the fiber that runs on it. The thread also gets an
  /// alternative signal stack, so that an overflow of a stack can be reported.
  static Activity& here();
  /// The same, or null if the thread has none. Async-signal-safe.
  static Activity* current();
  /// From now on the calling thread does what `next` describes. Returns the one before.
  static Activity& change(Activity& next);
  /// The calls that keep their thread outside the wait functions of the host.
  static void each_busy(const std::function<void(const Snapshot&)>& report);

  /// Of a thread.
  Activity() = default;
  /// Of a fiber, whose stack is above this memory.
  explicit Activity(const Guard& guard) : guard_(guard) {}
  /// No thread does what it describes.
  ~Activity();
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

  /// The calls that follow are for this request.
  void set_request(std::string_view id);
  /// Returns the call around this one, to be entered again when this one has ended.
  Call enter(const Call& call, Clock::time_point now) {
    const Call around{plugin_.load(std::memory_order_relaxed),
                      purpose_.load(std::memory_order_relaxed)};
    plugin_.store(call.plugin, std::memory_order_relaxed);
    purpose_.store(call.purpose, std::memory_order_relaxed);
    resume(now);
    return around;
  }
  /// Around a wait in a function of the host.
  void pause() { since_.store(0, std::memory_order_relaxed); }
  void resume(Clock::time_point now) {
    since_.store(now.time_since_epoch().count(), std::memory_order_release);
  }

  // Async-signal-safe, on the thread itself.
  Call call() const { return {plugin_.load(), purpose_.load()}; }
  /// Writes the id into `to`, which has room for kMostRequest bytes, and returns its length.
  std::size_t copy_request(char* to) const;
  const Guard& guard() const { return guard_; }
  static constexpr std::size_t kMostRequest = 64;

 private:
  Snapshot snapshot() const;

  std::atomic<const PluginLabel*> plugin_{nullptr};
  std::atomic<const char*> purpose_{""};
  std::atomic<Clock::rep> since_{0};  // 0: in a wait
  std::array<std::atomic<std::uint64_t>, kMostRequest / 8> request_{};
  const Guard guard_{};
};

/// While it lives, the calling thread is in a plugin. For calls that are rare; those of a request
/// have a Frame.
class InPlugin {
 public:
  InPlugin(const PluginLabel& plugin, const char* purpose, std::string_view request = {})
      : activity_(Activity::here()), around_(enter(plugin, purpose, request)) {}
  ~InPlugin() { activity_.enter(around_, Activity::Clock::now()); }
  InPlugin(const InPlugin&) = delete;
  InPlugin& operator=(const InPlugin&) = delete;

 private:
  Activity::Call enter(const PluginLabel& plugin, const char* purpose, std::string_view request) {
    activity_.set_request(request);
    return activity_.enter({&plugin, purpose}, Activity::Clock::now());
  }

  Activity& activity_;
  const Activity::Call around_;
};

}  // namespace gatehouse::core
