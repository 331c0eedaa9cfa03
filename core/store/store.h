#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/config/settings.h"
#include "core/log/log.h"
#include "gatehouse/abi.h"

namespace gatehouse::core {

/// Keys and values that outlive requests and reloads: in this process, or in a server that several
/// gateways share. A key holds one thing: a value, a counter or a quota (otherwise GH_INVALID).
/// Times are at least one millisecond. Any thread.
class Store {
 public:
  using Value = std::shared_ptr<const std::string>;

  static constexpr std::size_t kMaxQuotas = 16;     // of one take()
  static constexpr std::size_t kMaxAdditions = 64;  // of one add_all()
  // The largest limit of a quota, and the largest addition: the scripts of Redis count in doubles,
  // exact up to 2^53, and need room above.
  static constexpr std::int64_t kMaxLimit = 1'000'000'000'000'000;

  struct State {
    /// kDegraded: some commands are rejected.
    enum Kind { kUp, kDegraded, kDown } kind = kUp;
    std::string reason = {};  // such as READONLY; empty: kUp
  };

  /// Does not connect yet. The store logs when it goes down and comes up again.
  static std::unique_ptr<Store> open(const StoreSettings& settings, Log& log);
  virtual ~Store() = default;

  /// GH_OK, GH_ABSENT.
  virtual gh_status get(std::string_view key, Value& value) = 0;
  /// GH_INVALID: too large for this store.
  virtual gh_status put(std::string_view key, std::string_view value,
                        std::chrono::nanoseconds ttl) = 0;
  /// Adds to a counter that starts at 0 and expires `ttl` after it was created.
  virtual gh_status add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl,
                        std::int64_t& total) = 0;
  /// Takes its cost from each quota, or nothing from any (GH_ABSENT), and fills in what
  /// abi/ext/store.h describes. The keys must differ. GH_INVALID: a cost is above its limit, or a
  /// limit above kMaxLimit.
  virtual gh_status take(gh_quota* quotas, std::size_t count) = 0;
  /// As take(), but counts in this process only, together with what take() has admitted here.
  virtual gh_status take_here(gh_quota* quotas, std::size_t count) = 0;
  /// Adds to each counter, or to none (GH_ABSENT), and fills in what abi/ext/counters.h describes.
  /// The keys must differ.
  virtual gh_status add_all(gh_addition* additions, std::size_t count) = 0;
  /// As add_all(), but counts in this process only, together with what add_all() has added here.
  virtual gh_status add_all_here(gh_addition* additions, std::size_t count) = 0;
  virtual gh_status erase(std::string_view key) = 0;
  /// Erases all keys that begin with `prefix`.
  virtual gh_status clear(std::string_view prefix) = 0;

  /// Its name in the configuration.
  virtual const char* kind() const = 0;
  /// Calls may wait for another machine.
  virtual bool waits() const = 0;
  /// From now on probes the store once a second on a separate thread, so that state() is up to
  /// date and an outage is logged even without calls.
  virtual void watch() {}
  /// What the last call or probe has shown. Never waits.
  virtual State state() const = 0;
  bool up() const { return state().kind == State::kUp; }
};

}  // namespace gatehouse::core
