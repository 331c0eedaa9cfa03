#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>

namespace gatehouse::plugins::keys {

/// A value that many threads read without a lock while one replaces it. A reader registers in a
/// counter of its thread's shard, so readers on several processors share no cache line. There are
/// two counters in each shard, of which new readers use the current one: replace() makes the other
/// one current and waits until the first is 0, which new readers cannot delay; then no reader of
/// the old value is left.
template <class T>
class Replaceable {
 public:
  Replaceable() : value_(new T()) {}
  Replaceable(const Replaceable&) = delete;
  Replaceable& operator=(const Replaceable&) = delete;
  ~Replaceable() { delete value_.load(); }

  /// Any thread. `use(const T&)` takes microseconds: replace() waits for it, so it must not wait.
  template <class F>
  auto read(F use) const {
    const Shard& shard = shards_[shard_of_thread() % shards_.size()];
    const Registration here(shard.readers[current_.load()]);
    return use(*value_.load());
  }
  /// One thread at a time.
  void replace(std::unique_ptr<const T> value) {
    const std::unique_ptr<const T> old(value_.exchange(value.release()));
    const std::size_t before = current_.load();
    wait_for_readers(1 - before);  // who looked for the current counter before it last changed
    current_ = 1 - before;
    wait_for_readers(before);
  }

 private:
  struct alignas(64) Shard {  // a cache line
    mutable std::array<std::atomic<int>, 2> readers{};
  };
  /// Sequentially consistent, as all accesses here: whoever replaces the value either sees this
  /// reader or is seen by it.
  class Registration {
   public:
    explicit Registration(std::atomic<int>& readers) : readers_(readers) { ++readers_; }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
    ~Registration() { --readers_; }

   private:
    std::atomic<int>& readers_;
  };

  void wait_for_readers(std::size_t counter) const {
    for (const Shard& shard : shards_) {
      while (shard.readers[counter].load() != 0) std::this_thread::yield();
    }
  }
  static std::size_t shard_of_thread() {
    static std::atomic<std::size_t> next{0};
    static thread_local const std::size_t shard = next++;
    return shard;
  }

  std::array<Shard, 16> shards_;
  std::atomic<std::size_t> current_{0};  // of the two counters
  std::atomic<const T*> value_;
};

}  // namespace gatehouse::plugins::keys
