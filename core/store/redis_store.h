#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/store/memory_store.h"
#include "core/store/redis_connections.h"
#include "core/store/store.h"

namespace gatehouse::core {

/// The store of gateways that share a Redis or Valkey. All its keys begin with "gatehouse:".
///
/// A call ends within 50 ms, plus 200 ms if it has to connect; values also have the time that their
/// bytes need on a slow line; clear() may take longer. A single failed call fails alone. After
/// several in a row, or when no connection can be established, all calls return GH_UNAVAILABLE at
/// once for a second; then one of them tries again.
///
/// What take() and add_all() admit is counted in this process as well: whatever happens to Redis,
/// this gateway admits no more than the limit.
class RedisStore final : public Store {
 public:
  RedisStore(StoreSettings::Redis settings, Log& log);

  gh_status get(std::string_view key, Value& value) override;
  gh_status put(std::string_view key, std::string_view value,
                std::chrono::nanoseconds ttl) override;
  gh_status add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl,
                std::int64_t& total) override;
  gh_status take(gh_quota* quotas, std::size_t count) override;
  gh_status take_here(gh_quota* quotas, std::size_t count) override {
    return here_.take(quotas, count);
  }
  gh_status add_all(gh_addition* additions, std::size_t count) override;
  gh_status add_all_here(gh_addition* additions, std::size_t count) override {
    return here_.add_all(additions, count);
  }
  gh_status erase(std::string_view key) override;
  gh_status clear(std::string_view prefix) override;

  const char* kind() const override { return "redis"; }
  bool waits() const override { return true; }
  State state() const override;
  void watch() override;

 private:
  using Command = std::vector<std::string_view>;

  /// A Lua program that Redis executes as one step.
  struct Script {
    explicit Script(std::string_view program);
    const std::string_view text;
    const std::string sha1;  // its name in Redis, once Redis has loaded it
  };

  /// GH_OK: `reply` is of this kind, or kNil in place of kBulk.
  gh_status execute(RedisConnections::Lane& lane, const Command& command, RedisReply::Kind kind,
                    RedisReply& reply);
  /// Executes it on an idle connection of the lane or a new one, which becomes `connection`.
  gh_status send(RedisConnections::Lease& lease, const Command& command, Clock::time_point deadline,
                 std::unique_ptr<RedisConnection>& connection, RedisReply& reply);
  /// `rest`: the number of keys, the keys, the arguments.
  gh_status run(const Script& script, Command rest, RedisReply::Kind kind, RedisReply& reply);
  gh_status take_there(gh_quota* quotas, std::size_t count);
  gh_status add_all_there(gh_addition* additions, std::size_t count);
  /// Takes from a quota of no instance, which needs everything that counting needs.
  gh_status probe();

  bool may_try();
  void succeeded();
  gh_status rejected(const RedisReply& error);
  gh_status failed(const Error& error);
  gh_status malformed(std::string_view detail) {
    return failed({Error::broken, std::string(detail)});
  }
  gh_status down(const Error& error);

  Log& log_;
  const Script add_, add_all_, take_;
  MemoryStore here_;
  RedisConnections connections_;

  std::atomic<int> failures_{0};             // in a row
  std::atomic<Clock::rep> down_until_{0};    // 0: it is up
  std::atomic<Clock::rep> silent_until_{0};  // no rejection is logged before

  mutable std::mutex mutex_;
  std::string why_down_, rejection_;  // guarded by mutex_; the latter is a code such as READONLY
  Clock::time_point rejected_at_;     // guarded by mutex_

  std::mutex pause_mutex_;
  std::condition_variable_any pause_;  // between two probes
  std::jthread prober_;                // last: it uses all of the above
};

}  // namespace gatehouse::core
