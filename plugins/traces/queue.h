#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace gatehouse::plugins::traces {

/// Finished spans that wait to be sent. Bounded: the oldest ones make room. Any thread.
class Queue {
 public:
  static constexpr std::size_t kMaxSpans = 8192;
  static constexpr std::size_t kMaxBytes = 8 << 20;
  static constexpr std::size_t kBatch = 512;  // spans of one request, as OpenTelemetry's SDKs have

  struct Pushed {
    std::size_t dropped;  // spans that made room
    bool is_batch;        // there are now exactly so many that they fill one
  };
  Pushed push(std::string span);
  /// Takes the oldest spans out, up to a batch.
  std::vector<std::string> take();

 private:
  std::mutex mutex_;
  std::deque<std::string> spans_;  // this and the next guarded by mutex_
  std::size_t bytes_ = 0;
};

}  // namespace gatehouse::plugins::traces
