#pragma once

#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "account.h"

namespace gatehouse::plugins::budget {

/// The accounts that requests of this gateway have used last, for the operator, and so that each is
/// warned of once. At most kMost of them. Any thread.
class Recent {
 public:
  static constexpr std::size_t kMost = 10'000;

  /// Remembers an account. True: it is above its soft limit, and was not before.
  bool update(const Account& account);
  /// Those of windows that have not ended, the one with the largest used share first.
  std::vector<Account> fullest(std::size_t most, std::chrono::nanoseconds wall) const;

 private:
  struct Entry {
    Account account;
    bool is_warned = false;
  };
  using Entries = std::list<Entry>;

  mutable std::mutex mutex_;
  Entries entries_;                                                 // most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_key_;  // both guarded by mutex_
};

}  // namespace gatehouse::plugins::budget
