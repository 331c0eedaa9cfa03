#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gatehouse::core {

/// What the calls of a layer add up to. Each thread adds to a shard, so that requests on different
/// processors do not wait for the same memory. Any thread.
class CallCounts {
 public:
  enum Name {
    kCalls,
    kFailures,
    kShortCircuits,
    kAnswers,
    kTotalNs,
    kSelfNs,
    kFirstEventNs,
    kNames
  };

  struct Shard {
    alignas(64) std::array<std::atomic<std::uint64_t>, kNames> sums{};  // as large as a cache line

    void add(Name name, std::uint64_t value = 1) {
      sums[name].fetch_add(value, std::memory_order_relaxed);
    }
  };

  /// The shard of the calling thread.
  Shard& here() {
    static std::atomic<std::size_t> threads{0};
    static thread_local const std::size_t number = threads++;
    return shards_[number % shards_.size()];
  }
  std::uint64_t operator[](Name name) const {
    std::uint64_t sum = 0;
    for (const Shard& shard : shards_) sum += shard.sums[name].load(std::memory_order_relaxed);
    return sum;
  }

 private:
  std::array<Shard, 8> shards_;
};

}  // namespace gatehouse::core
