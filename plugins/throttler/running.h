#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace gatehouse::plugins::throttler {

/// Counts the running requests of each key. Any thread.
class Running {
  using Entry = std::pair<const std::string, std::int64_t>;
  struct Leave {
    Running* running;
    void operator()(Entry* entry) const;
  };

 public:
  using Place = std::unique_ptr<Entry, Leave>;  ///< A request counts until its place is destroyed.
  /// Null: `limit` requests of this key are running.
  Place enter(const std::string& key, std::int64_t limit);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> counts_;  // guarded by mutex_; none is 0
};

}  // namespace gatehouse::plugins::throttler
