#include "recent.h"

#include <algorithm>

namespace gatehouse::plugins::budget {

bool Recent::update(const Account& account) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(account.key); found != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    // All but the key, of which the map has a view.
    Account& kept = entries_.front().account;
    kept.most = account.most;
    kept.soft = account.soft;
    kept.used = account.used;
  } else {
    if (entries_.size() == kMost) {
      by_key_.erase(entries_.back().account.key);
      entries_.pop_back();
    }
    entries_.push_front({account});
    by_key_.emplace(entries_.front().account.key, entries_.begin());
  }
  Entry& entry = entries_.front();
  if (entry.is_warned || account.used < account.soft) return false;
  return entry.is_warned = true;
}

std::vector<Account> Recent::fullest(std::size_t most, std::chrono::nanoseconds wall) const {
  std::vector<Account> out;
  {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (wall < entry.account.ends) out.push_back(entry.account);
    }
  }
  const auto share = [](const Account& a) {
    return static_cast<double>(a.used) / static_cast<double>(a.most);
  };
  const auto end = out.begin() + static_cast<std::ptrdiff_t>(std::min(most, out.size()));
  std::partial_sort(out.begin(), end, out.end(),
                    [&](const Account& a, const Account& b) { return share(a) > share(b); });
  out.erase(end, out.end());
  return out;
}

}  // namespace gatehouse::plugins::budget
