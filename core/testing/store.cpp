#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <string>

#include "core/testing/state.h"

namespace gatehouse::testing {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

/// Calls f(harness) with the lock held, unless the store is down.
template <class F>
gh_status in(const gh_host* host, F f) {
  State& s = State::of(host);
  s.run_meanwhile();
  const std::lock_guard lock(s.mutex);
  return s.harness.store_down ? gh_status{GH_UNAVAILABLE} : f(s);
}
bool is_time(std::int64_t ns) {
  return Nanoseconds(ns) >= std::chrono::milliseconds(1) &&
         Nanoseconds(ns) <= std::chrono::hours(366 * 24);
}

bool counts(const State& s, const std::string& key) {
  const auto found = s.kept.find(key);
  return found != s.kept.end() && found->second.counts;
}

gh_status get(const gh_host* host, gh_exchange*, gh_str key, void* to,
              void (*append)(void* to, gh_str value)) {
  return in(host, [&](State& s) -> gh_status {
    const std::string k(view(key));
    if (s.takes.count(k) || counts(s, k)) return GH_INVALID;
    const auto found = s.harness.store.find(k);
    if (found == s.harness.store.end()) return GH_ABSENT;
    append(to, raw(found->second));
    return GH_OK;
  });
}
gh_status put(const gh_host* host, gh_exchange*, gh_str key, gh_str value, std::int64_t ttl_ns) {
  return in(host, [&](State& s) -> gh_status {
    if (!is_time(ttl_ns)) return GH_INVALID;
    const std::string k(view(key));
    s.takes.erase(k);
    s.harness.store[k] = view(value);
    s.kept[k] = {s.time + Nanoseconds(ttl_ns), false};
    return GH_OK;
  });
}
gh_status add(const gh_host* host, gh_exchange*, gh_str key, std::int64_t by, std::int64_t ttl_ns,
              std::int64_t* total) {
  return in(host, [&](State& s) -> gh_status {
    const std::string k(view(key));
    if (!is_time(ttl_ns) || s.takes.count(k)) return GH_INVALID;
    const auto [counter, begins] = s.harness.store.try_emplace(k, "0");
    if (begins) s.kept[k] = {s.time + Nanoseconds(ttl_ns), true};
    if (!counts(s, k)) return GH_INVALID;
    *total = std::stoll(counter->second) + by;
    counter->second = std::to_string(*total);
    return GH_OK;
  });
}

bool is_valid(const State& s, const gh_quota& q) {
  return q.limit >= 1 && q.cost >= 1 && q.cost <= q.limit && is_time(q.window_ns) &&
         !s.harness.store.count(std::string(view(q.key)));
}

/// With the lock held.
gh_status take_all(State& s, gh_quota* quotas, std::size_t count) {
  const core::Clock::time_point now(s.time);
  bool granted = true;
  for (gh_quota* q = quotas; q != quotas + count; ++q) {
    const bool twice = std::any_of(
        quotas, q, [&](const gh_quota& other) { return view(other.key) == view(q->key); });
    if (twice || !is_valid(s, *q)) return GH_INVALID;
    granted = s.takes[std::string(view(q->key))].has_room(*q, now) && granted;
  }
  if (!granted) return GH_ABSENT;
  for (gh_quota* q = quotas; q != quotas + count; ++q)
    s.takes[std::string(view(q->key))].take(*q, now);
  return GH_OK;
}
gh_status take(const gh_host* host, gh_exchange*, gh_quota* quotas, std::size_t count) {
  return in(host, [&](State& s) { return take_all(s, quotas, count); });
}
gh_status take_here(const gh_host* host, gh_exchange*, gh_quota* quotas, std::size_t count) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  return take_all(s, quotas, count);
}
constexpr std::int64_t kMostAdded = 1'000'000'000'000'000;

/// With the lock held.
gh_status add_to_all(State& s, gh_addition* additions, std::size_t count) {
  bool fits = true;
  for (gh_addition* a = additions; a != additions + count; ++a) {
    const std::string key(view(a->key));
    const bool twice = std::any_of(
        additions, a, [&](const gh_addition& other) { return view(other.key) == view(a->key); });
    const auto found = s.harness.store.find(key);
    const bool begins = found == s.harness.store.end();
    const bool is_free = begins ? !s.takes.count(key) : counts(s, key);
    if (twice || !is_free || !is_time(a->ttl_ns) || std::abs(a->by) > kMostAdded) return GH_INVALID;
    a->total = begins ? 0 : std::stoll(found->second);
    fits = fits && (a->by <= 0 || a->total + a->by <= a->most);
  }
  if (!fits) return GH_ABSENT;
  for (gh_addition* a = additions; a != additions + count; ++a) {
    const std::string key(view(a->key));
    if (!s.harness.store.count(key)) s.kept[key] = {s.time + Nanoseconds(a->ttl_ns), true};
    s.harness.store[key] = std::to_string(a->total += a->by);
  }
  return GH_OK;
}
gh_status add_all(const gh_host* host, gh_exchange*, gh_addition* additions, std::size_t count) {
  return in(host, [&](State& s) { return add_to_all(s, additions, count); });
}
gh_status add_all_here(const gh_host* host, gh_exchange*, gh_addition* additions,
                       std::size_t count) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  return add_to_all(s, additions, count);
}
std::int64_t max_limit(const gh_host* host) { return State::of(host).harness.max_limit; }
template <class F>
void erase_if(State& s, F is_meant) {
  const auto erase_from = [&](auto& map) {
    for (auto at = map.begin(); at != map.end();)
      at = is_meant(at->first) ? map.erase(at) : std::next(at);
  };
  erase_from(s.harness.store);
  erase_from(s.kept);
  erase_from(s.takes);
}

gh_status erase(const gh_host* host, gh_exchange*, gh_str key) {
  return in(host, [&](State& s) -> gh_status {
    erase_if(s, [&](const std::string& k) { return k == view(key); });
    return GH_OK;
  });
}
gh_status clear(const gh_host* host, gh_exchange*, gh_str prefix) {
  return in(host, [&](State& s) -> gh_status {
    erase_if(s, [&](const std::string& k) { return View(k).substr(0, prefix.n) == view(prefix); });
    return GH_OK;
  });
}

}  // namespace

const gh_store_api& store_table() {
  static constexpr gh_store_api kTable = {.size = sizeof kTable,
                                          .reserved = 0,
                                          .get = get,
                                          .put = put,
                                          .add = add,
                                          .take = take,
                                          .erase = erase,
                                          .clear = clear,
                                          .take_here = take_here,
                                          .max_limit = max_limit};
  return kTable;
}

const gh_counters_api& counters_table() {
  static constexpr gh_counters_api kTable = {
      .size = sizeof kTable, .reserved = 0, .add = add_all, .add_here = add_all_here};
  return kTable;
}

}  // namespace gatehouse::testing
