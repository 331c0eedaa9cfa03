#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/log/log.h"
#include "core/pipeline/pipeline.h"

namespace gatehouse::core {

/// Owns all pipelines: the current one, and those that a reload has replaced while requests are
/// still in them. A pipeline without references is destroyed on a thread of its own, because a
/// plugin that is slow to stop must not delay signals, timeouts or the next reload. Control thread,
/// except for the references that own() returns.
class Pipelines {
 public:
  explicit Pipelines(Log& log) : log_(log) {}
  /// Waits for the pipelines that are being destroyed. No reference may be left.
  ~Pipelines();

  std::shared_ptr<const Pipeline> own(std::unique_ptr<Pipeline> pipeline);
  /// Several times a second: destroys unused pipelines and logs plugins that are slow to stop.
  void tick();
  bool empty() const { return lives_.empty(); }
  /// "mcp, gemini": the instances that are being destroyed.
  std::string ending() const;

 private:
  struct Life {
    explicit Life(std::unique_ptr<Pipeline> of) : pipeline(std::move(of)) {}
    void end();

    const std::unique_ptr<Pipeline> pipeline;
    std::atomic<bool> unused{false}, over{false};
    std::thread thread;  // runs end(); started by tick() after `unused`
    Clock::time_point began;
    bool is_logged = false;
    mutable std::mutex mutex;
    std::string instance;  // being destroyed; guarded by mutex
  };

  Log& log_;
  std::list<Life> lives_;
};

}  // namespace gatehouse::core
