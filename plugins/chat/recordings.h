#pragma once

#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "recording.h"

namespace gatehouse::plugins::chat {

/// The responses that can be resumed, by a digest of caller and chat. Outlives a reload. Any
/// thread.
class Recordings {
 public:
  explicit Recordings(Capacity::Limits limits) : capacity(limits) {}

  /// In place of the one that has the key so far.
  void put(const std::string& key, std::shared_ptr<Recording> recording) {
    {
      const std::lock_guard lock(mutex_);
      recording.swap(all_[key]);
    }
    if (recording) recording->replace();
  }
  /// Null: there is none.
  std::shared_ptr<Recording> find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = all_.find(key);
    return found == all_.end() ? nullptr : found->second;
  }
  /// Unless another one has taken its place.
  void remove(const std::string& key, const Recording& recording) {
    const std::lock_guard lock(mutex_);
    if (const auto found = all_.find(key); found != all_.end() && found->second.get() == &recording)
      all_.erase(found);
  }
  /// Those that have ended and cannot be resumed any more.
  void remove_expired() {
    const std::lock_guard lock(mutex_);
    for (auto one = all_.begin(); one != all_.end();)
      one = one->second->is_over() ? all_.erase(one) : std::next(one);
  }

  Capacity capacity;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Recording>> all_;  // guarded by mutex_
};

}  // namespace gatehouse::plugins::chat
