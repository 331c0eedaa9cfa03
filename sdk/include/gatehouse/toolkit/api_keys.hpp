/// Several keys of one API: in turn, without those that rest.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gatehouse/exchange.hpp"
#include "gatehouse/host.hpp"
#include "gatehouse/json.hpp"
#include "gatehouse/metrics.hpp"

namespace gatehouse {
inline namespace v1 {

/// The keys of one API. Any thread.
class ApiKeys {
 public:
  /// `setting`: a key, or a list of keys; absent: one empty key.
  ApiKeys(Host host, Json setting) : host_(host) {
    for (const Json key : setting) add(key.str());
    if (!setting.is_array()) add(setting.str());
    if (keys_.size() > 1) report_rests();
  }

  std::size_t count() const { return keys_.size(); }

  /// Calls call(key), which returns a Status and emits nothing before a failure of the key, with
  /// the next key; when that one is rejected or limited, with the one after it, each at most once.
  /// Such a key rests: for the Retry-After of a rate limit, or else for a minute. When all rest,
  /// the one that does so for the shortest time is used.
  template <class Call>
  Status use(const Exchange& x, Call call) {
    std::vector<bool> tried(keys_.size());
    for (std::size_t left = keys_.size();; --left) {
      const std::size_t i = pick(tried);
      tried[i] = true;
      Status status = call(View(keys_[i]->text));
      const Failure failure = status.failure();
      if (!failure || !is_of_the_key(failure) || keys_.size() == 1) return status;
      rest(x, i, failure);
      if (left == 1) return status;
    }
  }

 private:
  struct Key {
    explicit Key(View t) : text(t) {}

    const std::string text;
    std::atomic<std::int64_t> rests_until_ns{0};  // on the clock of Host::now()
    Series rests_until;                           // absent for the only key, which never rests
  };

  void add(View key) { keys_.push_back(std::make_unique<Key>(key)); }
  void report_rests() {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      keys_[i]->rests_until = Series(
          host_, GH_GAUGE, "gatehouse_upstream_key_rests_until_timestamp_seconds",
          "Unix time until which other keys of `api_key` are used in place of this one. `key`: its "
          "place in the list, from 1.",
          {{"plugin", host_.instance()}, {"key", std::to_string(i + 1)}});
    }
  }
  static bool is_of_the_key(const Failure& failure) {
    for (const View code : {"upstream_rate_limited", "upstream_quota_used_up",
                            "upstream_key_refused", "upstream_account_refused"}) {
      if (failure.code() == code) return true;
    }
    return false;
  }
  /// Of those that were not tried: the next one in turn that does not rest, or else the one that
  /// rests for the shortest time.
  std::size_t pick(const std::vector<bool>& tried) {
    const std::size_t from = next_.fetch_add(1, std::memory_order_relaxed);
    const std::int64_t now = host_.now().count();
    std::size_t best = keys_.size();
    std::int64_t best_until = 0;
    for (std::size_t step = 0; step < keys_.size(); ++step) {
      const std::size_t i = (from + step) % keys_.size();
      if (tried[i]) continue;
      const std::int64_t until = keys_[i]->rests_until_ns.load(std::memory_order_relaxed);
      if (until <= now) return i;
      if (best < keys_.size() && until >= best_until) continue;
      best = i;
      best_until = until;
    }
    return best;
  }
  void rest(const Exchange& x, std::size_t i, const Failure& failure) {
    constexpr std::chrono::nanoseconds kWithoutHint = std::chrono::minutes(1);
    const auto hint = failure.retry_after();
    const auto time = hint.count() > 0 ? hint : kWithoutHint;
    keys_[i]->rests_until_ns = (host_.now() + time).count();
    keys_[i]->rests_until.record(std::chrono::duration<double>(host_.wall() + time).count());
    const Document fields;
    fields.root().edit("code").set(failure.code());
    fields.root().edit("rests_s").set(static_cast<std::int64_t>(time / std::chrono::seconds(1)));
    host_.log(GH_WARN, &x,
              "key " + std::to_string(i + 1) + " of " + std::to_string(keys_.size()) +
                  " of `api_key` rests",
              fields.root());
  }

  const Host host_;
  std::vector<std::unique_ptr<Key>> keys_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace v1
}  // namespace gatehouse
