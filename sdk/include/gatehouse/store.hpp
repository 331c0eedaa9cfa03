/// gatehouse.store/1: values, counters and quotas that outlive requests and reloads.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/abi/ext/store.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// At most `limit` units in any span of `window`; take() fills in `remaining` and `reset_ns`.
struct Quota : gh_quota {
  /// `key` is a view, `cost` the units that a call takes.
  Quota(View of, std::int64_t most, std::chrono::nanoseconds window, std::int64_t units = 1)
      : gh_quota{raw(of), most, window.count(), units, 0, 0, {0, 0}} {}
};
static_assert(sizeof(Quota) == sizeof(gh_quota), "an array of one is an array of the other");

/// Keys and values that outlive requests and reloads, shared by all gateways with the same `store`.
/// Each instance name has its own keys. Any thread. A status of GH_UNAVAILABLE: the store is down;
/// the plugin's settings say what to do then.
class Store {
 public:
  explicit Store(Host host)
      : host_(host.raw_host()), api_(detail::required<gh_store_api>(host, GH_STORE_1)) {}

  /// Nothing: no such key.
  Result<std::optional<std::string>> get(Exchange& x, View key) const {
    std::string value;
    const auto keep = [](void* to, gh_str v) { *static_cast<std::string*>(to) = view(v); };
    const gh_status s = api_->get(host_, x.raw(), raw(key), &value, keep);
    if (s == GH_ABSENT) return std::optional<std::string>();
    if (s != GH_OK) return Status(s, x.raw());
    return std::optional<std::string>(std::move(value));
  }
  Status put(Exchange& x, View key, View value, std::chrono::nanoseconds ttl) const {
    return Status(api_->put(host_, x.raw(), raw(key), raw(value), ttl.count()), x.raw());
  }
  /// Adds to a counter, which starts at 0 and ends `ttl` after its start. Returns the sum.
  Result<std::int64_t> add(Exchange& x, View key, std::int64_t by,
                           std::chrono::nanoseconds ttl) const {
    std::int64_t total = 0;
    const gh_status s = api_->add(host_, x.raw(), raw(key), by, ttl.count(), &total);
    if (s != GH_OK) return Status(s, x.raw());
    return total;
  }
  /// Takes its cost from each quota (true), or nothing from any (false), and fills in what is left.
  Result<bool> take(Exchange& x, std::vector<Quota>& quotas) const {
    return granted(x, api_->take(host_, x.raw(), quotas.data(), quotas.size()));
  }
  /// As take(), counted by this process alone, for when the store is down.
  Result<bool> take_here(Exchange& x, std::vector<Quota>& quotas) const {
    return granted(x, api_->take_here(host_, x.raw(), quotas.data(), quotas.size()));
  }
  /// The highest limit of a quota that this store can count.
  std::int64_t max_limit() const { return api_->max_limit(host_); }
  Status erase(Exchange& x, View key) const {
    return Status(api_->erase(host_, x.raw(), raw(key)), x.raw());
  }
  /// Erases the keys that begin with `prefix`.
  Status clear(Exchange& x, View prefix = {}) const {
    return Status(api_->clear(host_, x.raw(), raw(prefix)), x.raw());
  }

 private:
  static Result<bool> granted(const Exchange& x, gh_status s) {
    if (s != GH_OK && s != GH_ABSENT) return Status(s, x.raw());
    return s == GH_OK;
  }

  const gh_host* host_;
  const gh_store_api* api_;
};

}  // namespace v1
}  // namespace gatehouse
