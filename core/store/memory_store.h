#pragma once

#include <array>
#include <list>
#include <mutex>
#include <unordered_map>
#include <variant>

#include "core/net/wait.h"
#include "core/store/store.h"
#include "core/store/takes.h"

namespace gatehouse::core {

/// The store of a single gateway. When it is full, the least recently used entries of a kind that
/// exceeds its share are evicted, so cached responses evict no quotas and quotas no responses.
class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::size_t max_bytes) : shard_bytes_(max_bytes / kShards) {}

  gh_status get(std::string_view key, Value& value) override;
  gh_status put(std::string_view key, std::string_view value,
                std::chrono::nanoseconds ttl) override;
  gh_status add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl,
                std::int64_t& total) override;
  gh_status take(gh_quota* quotas, std::size_t count) override {
    Clock::time_point at;
    return take(quotas, count, at);
  }
  gh_status take_here(gh_quota* quotas, std::size_t count) override { return take(quotas, count); }
  gh_status add_all(gh_addition* additions, std::size_t count) override;
  gh_status add_all_here(gh_addition* additions, std::size_t count) override {
    return add_all(additions, count);
  }
  gh_status erase(std::string_view key) override;
  gh_status clear(std::string_view prefix) override;

  const char* kind() const override { return "memory"; }
  bool waits() const override { return false; }
  State state() const override { return {}; }

  /// `at`: the recorded time, by which settle() finds this take.
  gh_status take(gh_quota* quotas, std::size_t count, Clock::time_point& at);
  /// The take counts from now on (`passed`), or is given back.
  void settle(const gh_quota* quotas, std::size_t count, Clock::time_point at, bool passed);

 private:
  static constexpr std::size_t kShards = 8;

  using Counter = std::int64_t;

  static constexpr std::size_t kKinds = 3;
  // The shares of values, counters and quotas.
  static constexpr std::array<std::size_t, kKinds> kEighths{4, 1, 3};

  struct Entry {
    std::string key;
    std::variant<Value, Counter, Takes> content;
    Clock::time_point expires;
    std::size_t bytes() const;
  };
  using Entries = std::list<Entry>;  // most recently used first

  /// The entries whose keys hash to this shard. Callers hold its mutex.
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string_view, Entries::iterator> by_key;
    struct Kind {
      Entries entries;
      std::size_t bytes = 0;
    };
    std::array<Kind, kKinds> kinds;

    Kind& kind_of(const Entry& entry) { return kinds[entry.content.index()]; }
    /// An entry that has not expired, which becomes the most recently used; or nullptr.
    Entry* find(std::string_view key, Clock::time_point now);
    Entry& insert(Entry entry);
    void erase(Entries::iterator entry);
    /// Erases some expired entries and then, until at most `most` bytes are left, the least
    /// recently used of the kinds that exceed their shares.
    void make_room(std::size_t most, Clock::time_point now);
  };

  Shard& shard_of(std::string_view key) {
    return shards_[std::hash<std::string_view>()(key) >> 32 & (kShards - 1)];
  }
  std::size_t share_of_values() const { return shard_bytes_ / 8 * kEighths[0]; }
  using Locks = std::array<std::unique_lock<std::mutex>, kShards>;
  template <class Keyed>
  Locks lock_shards_of(const Keyed* keyed, std::size_t count);
  gh_status check_one(gh_addition& addition, Clock::time_point now);
  void add_one(gh_addition& addition, Clock::time_point now);
  gh_status check_one(gh_quota& quota, Clock::time_point now);
  void take_one(gh_quota& quota, Clock::time_point now);
  /// Adds a take to the entry of a quota, which is the most recently used.
  void add_take(Shard& shard, Entry& entry, gh_quota& quota, Clock::time_point now);

  const std::size_t shard_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace gatehouse::core
