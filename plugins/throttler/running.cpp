#include "running.h"

namespace gatehouse::plugins::throttler {

Running::Place Running::enter(const std::string& key, std::int64_t limit) {
  const std::lock_guard lock(mutex_);
  Entry& entry = *counts_.try_emplace(key, 0).first;
  if (entry.second >= limit) return {nullptr, {this}};
  ++entry.second;
  return {&entry, {this}};
}

void Running::Leave::operator()(Entry* entry) const {
  const std::lock_guard lock(running->mutex_);
  if (--entry->second == 0) running->counts_.erase(running->counts_.find(entry->first));
}

}  // namespace gatehouse::plugins::throttler
