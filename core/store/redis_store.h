#pragma once

#include <atomic>
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
/// A call ends within 50 ms, and 200 ms more if it has to connect; values also have the time that
/// they need on a slow line; clear() may last longer. A call that fails, fails alone. After several
/// in a row, or when no connection is to be had, all are answered GH_UNAVAILABLE at once for a
/// second; then one of them tries again.
///
/// What take() lets pass is counted here as well: whatever becomes of Redis, this gateway lets no
/// more pass than the limit.
class RedisStore final : public Store {
 public:
  RedisStore(StoreSettings::Redis settings, Log& log);
  ~RedisStore() override;

  gh_status get(std::string_view key, Value& value) override;
  gh_status put(std::string_view key, std::string_view value,
                std::chrono::nanoseconds ttl) override;
  gh_status add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl,
                std::int64_t& total) override;
  gh_status take(gh_quota* quotas, std::size_t count) override;
  gh_status take_here(gh_quota* quotas, std::size_t count) override {
    return here_.take(quotas, count);
  }
  std::int64_t max_limit() const override { return here_.max_limit(); }
  gh_status erase(std::string_view key) override;
  gh_status clear(std::string_view prefix) override;

  const char* kind() const override { return "redis"; }
  bool waits() const override { return true; }
  State state() override;
  void try_at_start() override;

 private:
  using Command = std::vector<std::string_view>;

  /// A Lua program that Redis runs as one step.
  struct Script {
    explicit Script(std::string_view text);
    const std::string_view text;
    const std::string sha1;  // by which Redis knows it, once it has seen it
  };

  /// GH_OK: `reply` is of this kind, or kNil in the place of kBulk.
  gh_status ask(RedisConnections::Lane& lane, const Command& command, RedisReply::Kind kind,
                RedisReply& reply);
  /// `rest`: the number of keys, the keys, the arguments.
  gh_status run(const Script& script, Command rest, RedisReply::Kind kind, RedisReply& reply);
  gh_status take_there(gh_quota* quotas, std::size_t count);
  /// Takes from a quota of no instance, which needs all that counting needs.
  gh_status probe();

  bool may_try();
  gh_status refused(const RedisReply& error);
  gh_status failed(std::string_view why);
  /// `code`: what it refuses to whoever asks; empty: it is not there.
  gh_status down(std::string_view why, std::string_view code = {});

  Log& log_;
  const Script add_, take_;
  MemoryStore here_;
  RedisConnections connections_;

  std::atomic<int> failures_{0};             // in a row
  std::atomic<Clock::rep> down_until_{0};    // 0: it is up
  std::atomic<Clock::rep> silent_until_{0};  // about what it refuses
  std::atomic<Clock::rep> ask_again_at_{0};  // whether it is up

  std::mutex mutex_;
  std::string why_down_, refusal_;  // guarded by mutex_
  Clock::time_point refused_at_;    // guarded by mutex_: when it was last refused

  std::thread first_try_;
};

}  // namespace gatehouse::core
