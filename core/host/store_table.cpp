#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "core/exchange/exchange.h"
#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "core/store/store.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr std::size_t kMaxKey = 4096;
constexpr std::int64_t kMinTime = nanoseconds(1ms).count();
constexpr std::int64_t kMaxTime = nanoseconds(24h * 366).count();

bool is_time(std::int64_t ns) { return ns >= kMinTime && ns <= kMaxTime; }

/// Names have no colon, so no instance can make the keys of another.
std::string& append_key(std::string& out, const gh_host* host, gh_str key) {
  return out.append(Instance::of(host).name()).append(1, ':').append(view(key));
}

/// A key of an instance.
std::string key_of(const gh_host* host, gh_str key) {
  std::string text;
  return std::move(append_key(text, host, key));
}

Store& store_of(const gh_host* host) { return Instance::of(host).store(); }

gh_status get(const gh_host* host, gh_exchange*, gh_str key, void* to,
              void (*append)(void*, gh_str)) {
  if (key.n > kMaxKey) return GH_INVALID;
  Store::Value value;
  const gh_status status = store_of(host).get(key_of(host, key), value);
  if (status == GH_OK) append(to, raw(*value));
  return status;
}

gh_status put(const gh_host* host, gh_exchange* x, gh_str key, gh_str value, std::int64_t ttl_ns) {
  if (key.n > kMaxKey || !is_time(ttl_ns)) return GH_INVALID;
  if (x && store_of(host).waits())
    (void)Exchange::of(x).client().flush();  // what is kept is on its way to the client
  return store_of(host).put(key_of(host, key), view(value), nanoseconds(ttl_ns));
}

gh_status add(const gh_host* host, gh_exchange*, gh_str key, std::int64_t by, std::int64_t ttl_ns,
              std::int64_t* total) {
  if (key.n > kMaxKey || !is_time(ttl_ns)) return GH_INVALID;
  return store_of(host).add(key_of(host, key), by, nanoseconds(ttl_ns), *total);
}

/// Quotas or additions of one call, with the keys of the instance in place of the plugin's.
template <class Keyed, std::size_t kMost>
class Named {
 public:
  Named(const gh_host* host, const Keyed* from, std::size_t count) {
    std::array<std::size_t, kMost> ends;
    for (std::size_t i = 0; i < count; ++i) ends[i] = append_key(text_, host, from[i].key).size();
    for (std::size_t i = 0, begin = 0; i < count; begin = ends[i++]) {
      all_[i] = from[i];
      all_[i].key = {text_.data() + begin, ends[i] - begin};
    }
  }
  Keyed* data() { return all_.data(); }
  const Keyed& operator[](std::size_t i) const { return all_[i]; }

 private:
  std::string text_;  // of all keys
  std::array<Keyed, kMost> all_;
};

template <class Keyed>
bool has_good_keys(const Keyed* all, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (all[i].key.n > kMaxKey) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (view(all[j].key) == view(all[i].key)) return false;
    }
  }
  return true;
}

gh_status take_by(gh_status (Store::*take)(gh_quota*, std::size_t), const gh_host* host,
                  gh_quota* quotas, std::size_t count) {
  if (count > Store::kMaxQuotas || !has_good_keys(quotas, count)) return GH_INVALID;
  const auto is_valid = [](const gh_quota& q) {
    return q.limit >= 1 && q.cost >= 1 && is_time(q.window_ns);
  };
  if (!std::all_of(quotas, quotas + count, is_valid)) return GH_INVALID;
  Named<gh_quota, Store::kMaxQuotas> named(host, quotas, count);
  const gh_status status = (store_of(host).*take)(named.data(), count);
  for (std::size_t i = 0; i < count; ++i) {
    quotas[i].remaining = named[i].remaining;
    quotas[i].reset_ns = named[i].reset_ns;
  }
  return status;
}

gh_status add_all_by(gh_status (Store::*add_all)(gh_addition*, std::size_t), const gh_host* host,
                     gh_addition* additions, std::size_t count) {
  if (count > Store::kMaxAdditions || !has_good_keys(additions, count)) return GH_INVALID;
  const auto is_valid = [](const gh_addition& a) {
    return a.by >= -Store::kMaxLimit && a.by <= Store::kMaxLimit && is_time(a.ttl_ns);
  };
  if (!std::all_of(additions, additions + count, is_valid)) return GH_INVALID;
  Named<gh_addition, Store::kMaxAdditions> named(host, additions, count);
  const gh_status status = (store_of(host).*add_all)(named.data(), count);
  for (std::size_t i = 0; i < count; ++i) additions[i].total = named[i].total;
  return status;
}

gh_status take(const gh_host* host, gh_exchange*, gh_quota* quotas, std::size_t count) {
  return take_by(&Store::take, host, quotas, count);
}

gh_status take_here(const gh_host* host, gh_exchange*, gh_quota* quotas, std::size_t count) {
  return take_by(&Store::take_here, host, quotas, count);
}

gh_status add_all(const gh_host* host, gh_exchange*, gh_addition* additions, std::size_t count) {
  return add_all_by(&Store::add_all, host, additions, count);
}

gh_status add_all_here(const gh_host* host, gh_exchange*, gh_addition* additions,
                       std::size_t count) {
  return add_all_by(&Store::add_all_here, host, additions, count);
}

std::int64_t max_limit(const gh_host*) { return Store::kMaxLimit; }

gh_status erase(const gh_host* host, gh_exchange*, gh_str key) {
  return key.n > kMaxKey ? GH_INVALID : store_of(host).erase(key_of(host, key));
}

gh_status clear(const gh_host* host, gh_exchange*, gh_str prefix) {
  return prefix.n > kMaxKey ? GH_INVALID : store_of(host).clear(key_of(host, prefix));
}

}  // namespace

const gh_store_api& store_table() {
  static constexpr gh_store_api kTable = {.size = sizeof kTable,
                                          .reserved = 0,
                                          .get = guarded<get, GH_UNAVAILABLE>,
                                          .put = guarded<put, GH_UNAVAILABLE>,
                                          .add = guarded<add, GH_UNAVAILABLE>,
                                          .take = guarded<take, GH_UNAVAILABLE>,
                                          .erase = guarded<erase, GH_UNAVAILABLE>,
                                          .clear = guarded<clear, GH_UNAVAILABLE>,
                                          .take_here = guarded<take_here, GH_UNAVAILABLE>,
                                          .max_limit = max_limit};
  return kTable;
}

const gh_counters_api& counters_table() {
  static constexpr gh_counters_api kTable = {.size = sizeof kTable,
                                             .reserved = 0,
                                             .add = guarded<add_all, GH_UNAVAILABLE>,
                                             .add_here = guarded<add_all_here, GH_UNAVAILABLE>};
  return kTable;
}

}  // namespace gatehouse::core
