// The keys are spread over eight shards, each with its own mutex. A shard keeps its entries by kind
// (values, counters, quotas) in lists in the order of use, so that eviction takes the tail of a
// list and one kind cannot displace another within its share.
//
// A quota is the log of its takes: the only form that never admits more than the limit in any span
// of the window. take() locks the shards of all its quotas, in one order, looks whether each has
// room, and only then records the takes. add_all() does the same with counters.
#include "core/store/memory_store.h"

#include <algorithm>
#include <span>

#include "gatehouse/text.hpp"

namespace gatehouse::core {

std::size_t MemoryStore::Entry::bytes() const {
  std::size_t content_bytes = 0;
  if (const auto* value = std::get_if<Value>(&content))
    content_bytes = sizeof(std::string) + (*value)->capacity();
  if (const auto* takes = std::get_if<Takes>(&content)) content_bytes = takes->bytes();
  // The nodes of the list and the map, its buckets, and the overhead of the allocator.
  constexpr std::size_t kNodes = 96;
  return sizeof(Entry) + kNodes + key.capacity() + content_bytes;
}

MemoryStore::Entry* MemoryStore::Shard::find(std::string_view key, Clock::time_point now) {
  const auto found = by_key.find(key);
  if (found == by_key.end()) return nullptr;
  const Entries::iterator entry = found->second;
  if (entry->expires <= now) {
    erase(entry);
    return nullptr;
  }
  Entries& entries = kind_of(*entry).entries;
  entries.splice(entries.begin(), entries, entry);
  return &*entry;
}

MemoryStore::Entry& MemoryStore::Shard::insert(Entry entry) {
  Kind& kind = kind_of(entry);
  kind.entries.push_front(std::move(entry));
  by_key.emplace(kind.entries.front().key, kind.entries.begin());
  kind.bytes += kind.entries.front().bytes();
  return kind.entries.front();
}

void MemoryStore::Shard::erase(Entries::iterator entry) {
  Kind& kind = kind_of(*entry);
  kind.bytes -= entry->bytes();
  by_key.erase(entry->key);
  kind.entries.erase(entry);
}

void MemoryStore::Shard::make_room(std::size_t most, Clock::time_point now) {
  std::size_t bytes = 0;
  for (Kind& kind : kinds) {
    // Two for each new entry: expired entries become fewer, and no call has to erase all of them.
    for (int i = 0; i < 2 && !kind.entries.empty() && kind.entries.back().expires <= now; ++i)
      erase(std::prev(kind.entries.end()));
    bytes += kind.bytes;
  }
  for (std::size_t k = 0; k < kKinds; ++k) {
    // The shares add up to the whole: as long as there is too much, one kind exceeds its share.
    for (Kind& kind = kinds[k]; bytes > most && kind.bytes > most / 8 * kEighths[k];) {
      bytes -= kind.entries.back().bytes();
      erase(std::prev(kind.entries.end()));
    }
  }
}

gh_status MemoryStore::get(std::string_view key, Value& value) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  Entry* const entry = shard.find(key, Clock::now());
  if (!entry) return GH_ABSENT;
  const auto* const found = std::get_if<Value>(&entry->content);
  if (!found) return GH_INVALID;
  value = *found;
  return GH_OK;
}

gh_status MemoryStore::put(std::string_view key, std::string_view value,
                           std::chrono::nanoseconds ttl) {
  const auto now = Clock::now();
  Entry entry{std::string(key), std::make_shared<const std::string>(value), now + ttl};
  if (entry.bytes() > share_of_values()) return GH_INVALID;
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.by_key.find(key); found != shard.by_key.end())
    shard.erase(found->second);
  shard.insert(std::move(entry));
  shard.make_room(shard_bytes_, now);
  return GH_OK;
}

gh_status MemoryStore::add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl,
                           std::int64_t& total) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto now = Clock::now();
  Entry* entry = shard.find(key, now);
  if (!entry) {
    entry = &shard.insert({std::string(key), Counter{0}, now + ttl});
    shard.make_room(shard_bytes_, now);
  }
  auto* const counter = std::get_if<Counter>(&entry->content);
  if (!counter || __builtin_add_overflow(*counter, by, &total)) return GH_INVALID;
  *counter = total;
  return GH_OK;
}

/// In one order, so that no two calls wait for each other.
template <class Keyed>
MemoryStore::Locks MemoryStore::lock_shards_of(const Keyed* keyed, std::size_t count) {
  std::array<bool, kShards> concerned{};
  for (const Keyed& one : std::span(keyed, count))
    concerned[static_cast<std::size_t>(&shard_of(view(one.key)) - shards_.data())] = true;
  Locks locks;
  for (std::size_t i = 0; i < kShards; ++i) {
    if (concerned[i]) locks[i] = std::unique_lock(shards_[i].mutex);
  }
  return locks;
}

gh_status MemoryStore::take(gh_quota* quotas, std::size_t count, Clock::time_point& at) {
  gh_quota* const end = quotas + count;
  const auto is_invalid = [](const gh_quota& q) { return q.cost > q.limit || q.limit > kMaxLimit; };
  if (std::any_of(quotas, end, is_invalid)) return GH_INVALID;
  const Locks locks = lock_shards_of(quotas, count);
  const auto now = Clock::now();  // under the locks, which keeps the takes of a quota sorted
  at = now;
  bool all = true;
  for (gh_quota* q = quotas; q != end; ++q) {
    const gh_status status = check_one(*q, now);
    if (status == GH_INVALID) return status;
    all = all && status == GH_OK;
  }
  if (!all) return GH_ABSENT;
  for (gh_quota* q = quotas; q != end; ++q) take_one(*q, now);
  return GH_OK;
}

/// Fills in what is left of a quota, without taking from it.
gh_status MemoryStore::check_one(gh_quota& quota, Clock::time_point now) {
  Entry* const entry = shard_of(view(quota.key)).find(view(quota.key), now);
  auto* const takes = entry ? std::get_if<Takes>(&entry->content) : nullptr;
  if (entry && !takes) return GH_INVALID;
  Takes none;
  return (takes ? *takes : none).has_room(quota, now) ? GH_OK : GH_ABSENT;
}

void MemoryStore::take_one(gh_quota& quota, Clock::time_point now) {
  Shard& shard = shard_of(view(quota.key));
  // Looked up again: the take of another quota may have evicted it.
  Entry* entry = shard.find(view(quota.key), now);
  const auto expires = now + std::chrono::nanoseconds(quota.window_ns);
  if (!entry) entry = &shard.insert({std::string(view(quota.key)), Takes(), expires});
  add_take(shard, *entry, quota, now);
}

void MemoryStore::add_take(Shard& shard, Entry& entry, gh_quota& quota, Clock::time_point now) {
  const std::size_t before = entry.bytes();
  std::get<Takes>(entry.content).take(quota, now);
  entry.expires = std::max(entry.expires, now + std::chrono::nanoseconds(quota.window_ns));
  const std::size_t grown = entry.bytes() - before;
  if (grown == 0) return;
  shard.kind_of(entry).bytes += grown;
  // Evicts others only: the takes of one quota need at most 32 KiB, and the share of quotas in a
  // shard of the smallest store is 48 KiB.
  shard.make_room(shard_bytes_, now);
}

void MemoryStore::settle(const gh_quota* quotas, std::size_t count, Clock::time_point at,
                         bool passed) {
  for (gh_quota q : std::span(quotas, count)) {
    Shard& shard = shard_of(view(q.key));
    const std::lock_guard lock(shard.mutex);
    Entry* const entry = shard.find(view(q.key), at);
    auto* const takes = entry ? std::get_if<Takes>(&entry->content) : nullptr;
    // The time is read under the lock, which keeps the takes sorted.
    if (takes && takes->give_back(q, at) && passed) add_take(shard, *entry, q, Clock::now());
  }
}

gh_status MemoryStore::add_all(gh_addition* additions, std::size_t count) {
  const std::span all(additions, count);
  const Locks locks = lock_shards_of(additions, count);
  const auto now = Clock::now();
  bool fits = true;
  for (gh_addition& addition : all) {
    const gh_status status = check_one(addition, now);
    if (status == GH_INVALID) return status;
    fits = fits && status == GH_OK;
  }
  if (!fits) return GH_ABSENT;
  for (gh_addition& addition : all) add_one(addition, now);
  return GH_OK;
}

/// Fills in the counter, without adding anything.
gh_status MemoryStore::check_one(gh_addition& addition, Clock::time_point now) {
  Entry* const entry = shard_of(view(addition.key)).find(view(addition.key), now);
  const auto* const counter = entry ? std::get_if<Counter>(&entry->content) : nullptr;
  if (entry && !counter) return GH_INVALID;
  addition.total = counter ? *counter : 0;
  Counter sum;
  if (__builtin_add_overflow(addition.total, addition.by, &sum)) return GH_INVALID;
  return addition.by > 0 && sum > addition.most ? GH_ABSENT : GH_OK;
}

void MemoryStore::add_one(gh_addition& addition, Clock::time_point now) {
  Shard& shard = shard_of(view(addition.key));
  // Looked up again: another addition may have evicted it.
  Entry* entry = shard.find(view(addition.key), now);
  if (!entry) {
    const auto expires = now + std::chrono::nanoseconds(addition.ttl_ns);
    entry = &shard.insert({std::string(view(addition.key)), Counter{0}, expires});
    shard.make_room(shard_bytes_, now);
  }
  addition.total = std::get<Counter>(entry->content) += addition.by;
}

gh_status MemoryStore::erase(std::string_view key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.by_key.find(key); found != shard.by_key.end())
    shard.erase(found->second);
  return GH_OK;
}

gh_status MemoryStore::clear(std::string_view prefix) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (Shard::Kind& kind : shard.kinds) {
      for (auto entry = kind.entries.begin(); entry != kind.entries.end();) {
        const auto next = std::next(entry);
        if (entry->key.compare(0, prefix.size(), prefix) == 0) shard.erase(entry);
        entry = next;
      }
    }
  }
  return GH_OK;
}

}  // namespace gatehouse::core
