#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "core/http/redis_connection.h"
#include "core/store/memory_store.h"
#include "core/store/store.h"

namespace gatehouse::core {

/// The store of gateways that share a Redis or Valkey. All its keys begin with "gatehouse:".
///
/// A call ends within 50 ms, except clear(). After one that failed all are answered GH_UNAVAILABLE at once for a second;
/// then one of them tries again.
class RedisStore final : public Store {
 public:
  RedisStore(StoreSettings::Redis settings, Log& log);

  gh_status get(std::string_view key, Value& value) override;
  gh_status put(std::string_view key, std::string_view value, std::chrono::nanoseconds ttl) override;
  gh_status add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl, std::int64_t& total) override;
  gh_status take(gh_quota* quotas, std::size_t count) override;
  gh_status take_here(gh_quota* quotas, std::size_t count) override { return here_.take(quotas, count); }
  std::int64_t max_limit() const override { return here_.max_limit(); }
  gh_status erase(std::string_view key) override;
  gh_status clear(std::string_view prefix) override;

  const char* kind() const override { return "redis"; }
  bool waits() const override { return true; }
  bool up() override;

 private:
  using Command = std::vector<std::string_view>;

  /// A Lua program that Redis runs as one step.
  struct Script {
    explicit Script(std::string_view text);
    const std::string_view text;
    const std::string sha1;  // by which Redis knows it, once it has seen it
  };
  class Lease;

  /// GH_OK: `reply` is of this kind, or kNil in the place of kBulk. Each call of this may use one connection.
  gh_status ask(const Command& command, RedisReply::Kind kind, RedisReply& reply, Clock::time_point deadline);
  /// `rest`: the number of keys, the keys, the arguments.
  gh_status run(const Script& script, Command rest, RedisReply::Kind kind, RedisReply& reply);
  gh_status refused(const std::string& error);
  gh_status failed(std::string_view why);

  bool may_try();
  std::unique_ptr<RedisConnection> take_idle();

  const StoreSettings::Redis settings_;
  Log& log_;
  const Script add_, take_;

  MemoryStore here_{64u << 20};

  std::atomic<Clock::rep> down_until_{0};    // 0: it is up
  std::atomic<Clock::rep> silent_until_{0};  // about what it refuses
  std::atomic<Clock::rep> ask_again_at_{0};  // whether it is up

  std::mutex mutex_;
  std::condition_variable returned_;                    // a connection
  std::size_t in_use_ = 0;                              // guarded by mutex_
  std::vector<std::unique_ptr<RedisConnection>> idle_;  // guarded by mutex_
};

}  // namespace gatehouse::core
