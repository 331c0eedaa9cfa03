#include "core/store/takes.h"

#include <algorithm>
#include <chrono>

namespace gatehouse::core {

using std::chrono::nanoseconds;

bool Takes::share_part(Clock::time_point one, Clock::time_point next, const gh_quota& quota) {
  const std::int64_t part = part_ns(quota);
  if ((next - one).count() >= part) return false;  // spares most calls the divisions
  return one.time_since_epoch().count() / part == next.time_since_epoch().count() / part;
}

std::int64_t Takes::reset_ns(std::int64_t units, const gh_quota& quota,
                             Clock::time_point now) const {
  auto entry = entries_.begin();
  while ((units -= entry->units) > 0) ++entry;
  return (entry->last + nanoseconds(quota.window_ns) - now).count();
}

bool Takes::has_room(gh_quota& quota, Clock::time_point now) {
  const auto begin = now - nanoseconds(quota.window_ns);
  for (; !entries_.empty() && entries_.front().last <= begin; entries_.pop_front())
    units_ -= entries_.front().units;
  // Units that must expire first: more than the cost if a reload has lowered the limit.
  const std::int64_t excess = units_ + quota.cost - quota.limit;
  quota.remaining = excess > 0 ? -1 : quota.limit - units_;
  quota.reset_ns = units_ > 0 ? reset_ns(std::max<std::int64_t>(excess, 1), quota, now) : 0;
  return excess <= 0;
}

void Takes::take(gh_quota& quota, Clock::time_point now) {
  if (!entries_.empty() && share_part(entries_.back().last, now, quota)) {
    entries_.back().last = now;
    entries_.back().units += quota.cost;
  } else {
    if (entries_.full()) entries_.set_capacity(std::max<std::size_t>(2, entries_.capacity() * 2));
    entries_.push_back({now, quota.cost});
  }
  units_ += quota.cost;
  quota.remaining -= quota.cost;
  quota.reset_ns = reset_ns(1, quota, now);
}

bool Takes::give_back(const gh_quota& quota, Clock::time_point at) {
  // The entry may have a later time by now, but in the same part of the window.
  const auto entry =
      std::lower_bound(entries_.begin(), entries_.end(), at,
                       [](const Entry& e, Clock::time_point time) { return e.last < time; });
  if (entry == entries_.end() || !share_part(at, entry->last, quota) || entry->units < quota.cost)
    return false;
  units_ -= quota.cost;
  entry->units -= quota.cost;
  if (entry->units == 0) entries_.erase(entry);
  return true;
}

}  // namespace gatehouse::core
