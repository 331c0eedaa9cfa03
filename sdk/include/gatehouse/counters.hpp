/// gatehouse.counters/1: several counters of the store, changed together.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

#include "gatehouse/abi/ext/counters.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// An addition to a counter of the store; Counters::add() fills in `total`.
struct Addition : gh_addition {
  /// `of` is a view. An `amount` below 0 is given back; else the counter must not exceed `highest`.
  Addition(View of, std::int64_t amount, std::chrono::nanoseconds ttl,
           std::int64_t highest = std::numeric_limits<std::int64_t>::max())
      : gh_addition{raw(of), amount, ttl.count(), highest, 0, {0, 0}} {}
};
static_assert(sizeof(Addition) == sizeof(gh_addition), "an array of one is an array of the other");

/// Reserves amounts before the work, and settles after it. The counters are those of Store::add().
/// Any thread. A status of GH_UNAVAILABLE: the store is down.
class Counters {
 public:
  explicit Counters(Host host)
      : host_(host.raw_host()), api_(detail::required<gh_counters_api>(host, GH_COUNTERS_1)) {}

  /// Adds to all counters (true), or to none (false): when one would exceed its highest.
  Result<bool> add(Exchange& x, std::vector<Addition>& additions) const {
    return added(x, api_->add(host_, x.raw(), additions.data(), additions.size()));
  }
  /// As add(), counted by this process alone, for when the store is down.
  Result<bool> add_here(Exchange& x, std::vector<Addition>& additions) const {
    return added(x, api_->add_here(host_, x.raw(), additions.data(), additions.size()));
  }

 private:
  static Result<bool> added(const Exchange& x, gh_status s) {
    if (s != GH_OK && s != GH_ABSENT) return Status(s, x.raw());
    return s == GH_OK;
  }

  const gh_host* host_;
  const gh_counters_api* api_;
};

}  // namespace v1
}  // namespace gatehouse
