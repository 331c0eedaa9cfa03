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
/// gateways share. One key is for one thing: a value, a counter or a quota (else GH_INVALID). Times
/// are at least a millisecond. Any thread.
class Store {
 public:
  using Value = std::shared_ptr<const std::string>;

  static constexpr std::size_t kMaxQuotas = 16;  // of one take()

  struct State {
    enum Kind {
      kUp,
      kDegraded,
      kDown
    } kind = kUp;             // degraded: it refuses some of what it is asked
    std::string reason = {};  // such as READONLY; empty: kUp
  };

  /// Does not connect yet. `log` is told when the store goes down and comes up again.
  static std::unique_ptr<Store> open(const StoreSettings& settings, Log& log);
  virtual ~Store() = default;

  /// GH_OK, GH_ABSENT.
  virtual gh_status get(std::string_view key, Value& value) = 0;
  /// GH_INVALID: too large for this store.
  virtual gh_status put(std::string_view key, std::string_view value,
                        std::chrono::nanoseconds ttl) = 0;
  /// Adds to a counter that begins with 0 and ends `ttl` after it began.
  virtual gh_status add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl,
                        std::int64_t& total) = 0;
  /// Takes one from each quota, or none from any (GH_ABSENT); fills in what abi.h says. The keys
  /// differ. GH_INVALID: a limit is too large for this store.
  virtual gh_status take(gh_quota* quotas, std::size_t count) = 0;
  /// As take(), but counts in this process alone, together with what take() has let pass here.
  virtual gh_status take_here(gh_quota* quotas, std::size_t count) = 0;
  /// The largest limit that take() can count.
  virtual std::int64_t max_limit() const = 0;
  virtual gh_status erase(std::string_view key) = 0;
  /// Erases all keys that begin with `prefix`.
  virtual gh_status clear(std::string_view prefix) = 0;

  /// As the configuration calls it.
  virtual const char* kind() const = 0;
  /// Calls may wait, as long as for another machine.
  virtual bool waits() const = 0;
  /// Asks the store on a thread of its own, so that the log tells at the start when it cannot be
  /// reached.
  virtual void try_at_start() {}
  /// How the store is; asks it at most once a second.
  virtual State state() = 0;
  bool up() { return state().kind == State::kUp; }
};

}  // namespace gatehouse::core
