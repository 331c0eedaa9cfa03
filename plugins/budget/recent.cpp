#include "recent.h"

#include <utility>
#include <vector>

namespace gatehouse::plugins::budget {

void RecentAccounts::Entry::set(const Account& account) {
  if (use.unit.empty()) {
    use.of = account.of;
    use.name = account.name;
    use.model = account.model;
    use.per = account.per;
    use.unit = kUnits[account.unit];
    use.resets_at = account.ends;
  }
  use.limit = as_shown(account.unit, account.most);
  use.used = as_shown(account.unit, account.used);
}

bool RecentAccounts::update(const Account& account) {
  return entries_.update(account.key, [&](Entry& entry) {
    entry.set(account);
    if (entry.is_warned || account.used < account.soft) return false;
    return entry.is_warned = true;
  });
}

void RecentAccounts::refuse(const Account& account, std::int64_t needed) {
  entries_.update(account.key, [&](Entry& entry) {
    entry.set(account);
    entry.needed = as_shown(account.unit, needed);
    ++entry.use.refused;
  });
}

std::string RecentAccounts::json(std::chrono::nanoseconds wall) const {
  std::vector<LimitUse> uses;
  for (Entry& entry : entries_.all()) {
    // Running requests may give back what they have reserved, so that the next one passes.
    if (entry.needed > 0 && entry.use.used + entry.needed > entry.use.limit)
      entry.use.refuses_until = entry.use.resets_at;
    uses.push_back(std::move(entry.use));
  }
  return limits_json(std::move(uses), wall);
}

}  // namespace gatehouse::plugins::budget
