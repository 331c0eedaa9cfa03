#include "core/store/memory_store.h"

#include <algorithm>

#include "gatehouse/plugin.hpp"

namespace gatehouse::core {

std::size_t MemoryStore::Entry::bytes() const {
  std::size_t content_bytes = 0;
  if (const auto* value = std::get_if<Value>(&content)) content_bytes = sizeof(std::string) + (*value)->capacity();
  if (const auto* takes = std::get_if<Takes>(&content)) content_bytes = takes->capacity() * sizeof(Clock::time_point);
  constexpr std::size_t kNodes = 96;  // of the list, the map and its buckets, and what the allocator adds
  return sizeof(Entry) + kNodes + key.capacity() + content_bytes;
}

MemoryStore::Entry* MemoryStore::Shard::find(std::string_view key, Clock::time_point now) {
  const auto found = by_key.find(key);
  if (found == by_key.end()) return nullptr;
  const Entries::iterator entry = found->second;
  if (entry->ends <= now) {
    erase(entry);
    return nullptr;
  }
  Entries& list = list_of(*entry);
  list.splice(list.begin(), list, entry);
  return &*entry;
}

MemoryStore::Entry& MemoryStore::Shard::insert(Entry entry) {
  Entries& list = list_of(entry);
  list.push_front(std::move(entry));
  by_key.emplace(list.front().key, list.begin());
  bytes += list.front().bytes();
  return list.front();
}

void MemoryStore::Shard::erase(Entries::iterator entry) {
  bytes -= entry->bytes();
  by_key.erase(entry->key);
  list_of(*entry).erase(entry);
}

void MemoryStore::Shard::make_room(std::size_t most, Clock::time_point now) {
  for (Entries* list : {&values, &counts}) {
    // Two for each that comes: what has ended gets less and less, and no call has to clear it all away.
    for (int i = 0; i < 2 && !list->empty() && list->back().ends <= now; ++i) erase(std::prev(list->end()));
  }
  while (bytes > most) erase(std::prev(values.empty() ? counts.end() : values.end()));
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

gh_status MemoryStore::put(std::string_view key, std::string_view value, std::chrono::nanoseconds ttl) {
  const auto now = Clock::now();
  Entry entry{std::string(key), std::make_shared<const std::string>(value), now + ttl};
  if (entry.bytes() > shard_bytes_) return GH_INVALID;
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.by_key.find(key); found != shard.by_key.end()) shard.erase(found->second);
  shard.insert(std::move(entry));
  shard.make_room(shard_bytes_, now);
  return GH_OK;
}

gh_status MemoryStore::add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl, std::int64_t& total) {
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

gh_status MemoryStore::take(gh_quota* quotas, std::size_t count) {
  std::array<bool, kShards> concerned{};
  for (gh_quota* q = quotas; q != quotas + count; ++q) {
    if (q->limit > max_limit()) return GH_INVALID;
    concerned[static_cast<std::size_t>(&shard_of(view(q->key)) - shards_.data())] = true;
  }
  std::array<std::unique_lock<std::mutex>, kShards> locks;  // in one order, so that no two calls wait for each other
  for (std::size_t i = 0; i < kShards; ++i) {
    if (concerned[i]) locks[i] = std::unique_lock(shards_[i].mutex);
  }

  const auto now = Clock::now();  // under the locks: the takes of a quota are in order
  bool all = true;
  for (gh_quota* q = quotas; q != quotas + count; ++q) {
    Entry* const entry = shard_of(view(q->key)).find(view(q->key), now);
    auto* const takes = entry ? std::get_if<Takes>(&entry->content) : nullptr;
    if (entry && !takes) return GH_INVALID;
    const std::chrono::nanoseconds window(q->window_ns);
    while (takes && !takes->empty() && takes->front() + window <= now) takes->pop_front();

    const std::int64_t taken = takes ? static_cast<std::int64_t>(takes->size()) : 0;
    const bool refused = taken >= q->limit;
    q->remaining = refused ? -1 : q->limit - taken;
    q->reset_ns = 0;
    // More than the limit were taken if a reload has lowered it.
    if (taken > 0) q->reset_ns = ((*takes)[static_cast<std::size_t>(refused ? taken - q->limit : 0)] + window - now).count();
    all = all && !refused;
  }
  if (!all) return GH_ABSENT;
  for (gh_quota* q = quotas; q != quotas + count; ++q) {
    take_one(*q, now);
    --q->remaining;
    if (q->reset_ns == 0) q->reset_ns = q->window_ns;
  }
  return GH_OK;
}

void MemoryStore::take_one(const gh_quota& quota, Clock::time_point now) {
  Shard& shard = shard_of(view(quota.key));
  Entry* entry = shard.find(view(quota.key), now);  // again: what another one needed may have pushed it out
  const auto ends = now + std::chrono::nanoseconds(quota.window_ns);
  if (!entry) entry = &shard.insert({std::string(view(quota.key)), Takes(), ends});
  entry->ends = std::max(entry->ends, ends);
  auto& takes = std::get<Takes>(entry->content);
  if (takes.full()) {
    const std::size_t before = entry->bytes();
    takes.set_capacity(std::min(static_cast<std::size_t>(quota.limit), std::max<std::size_t>(4, takes.capacity() * 2)));
    shard.bytes += entry->bytes() - before;
    shard.make_room(shard_bytes_, now);
  }
  takes.push_back(now);
}

gh_status MemoryStore::erase(std::string_view key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.by_key.find(key); found != shard.by_key.end()) shard.erase(found->second);
  return GH_OK;
}

gh_status MemoryStore::clear(std::string_view prefix) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (Entries* list : {&shard.values, &shard.counts}) {
      for (auto entry = list->begin(); entry != list->end();) {
        const auto next = std::next(entry);
        if (entry->key.compare(0, prefix.size(), prefix) == 0) shard.erase(entry);
        entry = next;
      }
    }
  }
  return GH_OK;
}

}  // namespace gatehouse::core
