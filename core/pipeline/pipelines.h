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

/// Owns all pipelines: the one in use, and those that a reload has replaced and that requests are
/// still in. Once nobody uses one any more it is destroyed, on a thread of its own: a plugin may
/// take its time to end, and must hold up neither signals nor time limits nor the next reload.
/// Control thread, but for the references that own() gives out.
class Pipelines {
 public:
  explicit Pipelines(Log& log) : log_(log) {}
  /// Waits for what is being destroyed. No reference may be left.
  ~Pipelines();

  std::shared_ptr<const Pipeline> own(std::unique_ptr<Pipeline> pipeline);
  /// Several times a second: destroys what is out of use, and tells what takes long to end.
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
    std::thread
        thread;  // that ends it; a moment after `unused`, when there is none left even later
    Clock::time_point began;
    bool told = false;
    mutable std::mutex mutex;
    std::string instance;  // that is being destroyed; guarded by mutex
  };

  Log& log_;
  std::list<Life> lives_;
};

}  // namespace gatehouse::core
