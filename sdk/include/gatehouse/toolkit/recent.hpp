/// What was used last, by key, in bounded memory.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gatehouse {
inline namespace v1 {

/// Values by key. Of more than `most` the one that was used the longest time ago goes. Any thread.
template <class Value>
class Recent {
 public:
  explicit Recent(std::size_t most) : most_(most) {}

  /// Returns `change(Value&)`, called with the value of the key, a new one if it has none, and with
  /// a lock held.
  template <class Change>
  auto update(std::string_view key, Change change) {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
    } else {
      if (entries_.size() == most_) {
        by_key_.erase(entries_.back().first);
        entries_.pop_back();
      }
      entries_.emplace_front(key, Value());
      by_key_.emplace(entries_.front().first, entries_.begin());
    }
    return change(entries_.front().second);
  }
  /// The one that was used last comes first.
  std::vector<Value> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<Value> out;
    for (const auto& entry : entries_) out.push_back(entry.second);
    return out;
  }

 private:
  using Entries = std::list<std::pair<const std::string, Value>>;

  const std::size_t most_;
  mutable std::mutex mutex_;
  Entries entries_;                                                          // guarded by mutex_
  std::unordered_map<std::string_view, typename Entries::iterator> by_key_;  // the same
};

}  // namespace v1
}  // namespace gatehouse
