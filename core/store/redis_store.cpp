#include "core/store/redis_store.h"

#include <Poco/SHA1Engine.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "core/json/json.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 45ms;  // a call ends within 50 ms
constexpr auto kPause = 1s;       // before an attempt to reach what has failed
constexpr auto kSilence = 60s;    // between complaints about what Redis refuses
constexpr auto kLongestClear = 10s;
constexpr std::size_t kMaxConnections = 16;
constexpr std::size_t kMaxValue = 4 << 20;  // so that it can be carried in time
constexpr std::string_view kPrefix = "gatehouse:";

// The sum comes as text: Lua's numbers are exact up to 2^53 only.
constexpr std::string_view kAdd = R"(
redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
)";

// The times of all takes of each window, in microseconds of Redis's clock. Two numbers per key, as GCRA keeps, would not do:
// it lets a burst of the limit pass and then, within the same window, nearly as many again.
constexpr std::string_view kTake = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local out, all, at = {}, true, {}
for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local newest = tonumber(redis.call('LINDEX', key, -1)) or 0
  if newest > now + window then -- the clock was set back
    redis.call('DEL', key)
    newest = 0
  end
  at[i] = math.max(now, newest)
  local oldest = tonumber(redis.call('LINDEX', key, 0))
  while oldest and oldest + window <= now do
    redis.call('LPOP', key)
    oldest = tonumber(redis.call('LINDEX', key, 0))
  end
  local taken = redis.call('LLEN', key)
  local refused = taken >= limit
  if refused then oldest = tonumber(redis.call('LINDEX', key, taken - limit)) end
  out[2 * i - 1] = refused and -1 or limit - taken
  out[2 * i] = oldest and oldest + window - now or 0
  all = all and not refused
end
if not all then return out end
for i, key in ipairs(KEYS) do
  local window = tonumber(ARGV[2 * i])
  redis.call('RPUSH', key, string.format('%.0f', at[i]))
  redis.call('PEXPIRE', key, math.ceil((at[i] + window - now) / 1000) + 1)
  out[2 * i - 1] = out[2 * i - 1] - 1
  if out[2 * i] == 0 then out[2 * i] = window end
end
return out
)";

Clock::time_point soon() { return Clock::now() + kPatience; }

Clock::rep ticks_in(Clock::duration time) { return (Clock::now() + time).time_since_epoch().count(); }

std::string key_of(std::string_view key) { return std::string(kPrefix).append(key); }

std::string in_ms(std::chrono::nanoseconds time) { return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(time).count()); }

/// A pattern of SCAN for what begins with `prefix`.
std::string pattern_of(std::string_view prefix) {
  std::string out;
  for (const char c : key_of(prefix)) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out + '*';
}

std::string sha1_of(std::string_view text) {
  Poco::SHA1Engine engine;
  engine.update(text.data(), text.size());
  return Poco::DigestEngine::digestToHex(engine.digest());
}

bool is_unknown_script(const RedisReply& reply) { return reply.kind == RedisReply::kError && reply.text.rfind("NOSCRIPT", 0) == 0; }

}  // namespace

RedisStore::Script::Script(std::string_view program) : text(program), sha1(sha1_of(program)) {}

/// The right to use one of the connections.
class RedisStore::Lease {
 public:
  Lease(RedisStore& store, Clock::time_point deadline) : store_(store) {
    std::unique_lock lock(store_.mutex_);
    granted_ = store_.returned_.wait_until(lock, deadline, [this] { return store_.in_use_ < kMaxConnections; });
    if (granted_) ++store_.in_use_;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (!granted_) return;
    {
      const std::lock_guard lock(store_.mutex_);
      --store_.in_use_;
      if (connection) store_.idle_.push_back(std::move(connection));
    }
    store_.returned_.notify_one();
  }
  bool granted() const { return granted_; }

  std::unique_ptr<RedisConnection> connection;  // kept for the next call if there is one at the end

 private:
  RedisStore& store_;
  bool granted_;
};

RedisStore::RedisStore(StoreSettings::Redis settings, Log& log) : settings_(std::move(settings)), log_(log), add_(kAdd), take_(kTake) {}

gh_status RedisStore::get(std::string_view key, Value& value) {
  RedisReply reply;
  if (const gh_status status = ask({"GET", key_of(key)}, RedisReply::kBulk, reply, soon()); status != GH_OK) return status;
  if (reply.kind == RedisReply::kNil) return GH_ABSENT;
  value = std::make_shared<const std::string>(std::move(reply.text));
  return GH_OK;
}

gh_status RedisStore::put(std::string_view key, std::string_view value, std::chrono::nanoseconds ttl) {
  if (value.size() > kMaxValue) return GH_INVALID;
  RedisReply reply;
  return ask({"SET", key_of(key), value, "PX", in_ms(ttl)}, RedisReply::kStatus, reply, soon());
}

gh_status RedisStore::add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl, std::int64_t& total) {
  RedisReply reply;
  const gh_status status = run(add_, {"1", key_of(key), std::to_string(by), in_ms(ttl)}, RedisReply::kBulk, reply);
  if (status != GH_OK) return status;
  const char* const end = reply.text.data() + reply.text.size();
  const auto [stop, error] = std::from_chars(reply.text.data(), end, total);
  return error == std::errc() && stop == end ? GH_OK : failed("the sum is no number");
}

gh_status RedisStore::take(gh_quota* quotas, std::size_t count) {
  std::vector<std::string> words;
  words.push_back(std::to_string(count));
  for (std::size_t i = 0; i < count; ++i) words.push_back(key_of(view(quotas[i].key)));
  for (std::size_t i = 0; i < count; ++i) {
    words.push_back(std::to_string(quotas[i].limit));
    words.push_back(std::to_string((quotas[i].window_ns + 999) / 1000));
  }
  RedisReply reply;
  const gh_status status = run(take_, {words.begin(), words.end()}, RedisReply::kArray, reply);
  if (status != GH_OK) return status;

  if (reply.items.size() != 2 * count) return failed("its answer has the wrong length");
  bool all = true;
  for (std::size_t i = 0; i < count; ++i) {
    const RedisReply& remaining = reply.items[2 * i];
    const RedisReply& reset = reply.items[2 * i + 1];
    if (remaining.kind != RedisReply::kInteger || remaining.integer < -1 || reset.kind != RedisReply::kInteger || reset.integer < 0 ||
        reset.integer > std::numeric_limits<std::int64_t>::max() / 1000) {
      return failed("its answer makes no sense");
    }
    quotas[i].remaining = remaining.integer;
    quotas[i].reset_ns = reset.integer * 1000;
    all = all && remaining.integer >= 0;
  }
  return all ? GH_OK : GH_ABSENT;
}

gh_status RedisStore::erase(std::string_view key) {
  RedisReply reply;
  return ask({"UNLINK", key_of(key)}, RedisReply::kInteger, reply, soon());
}

gh_status RedisStore::clear(std::string_view prefix) {
  const std::string pattern = pattern_of(prefix);
  const auto until = Clock::now() + kLongestClear;
  std::string cursor = "0";
  do {
    RedisReply found, erased;
    const Command scan{"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"};
    if (const gh_status s = ask(scan, RedisReply::kArray, found, soon()); s != GH_OK) return s;
    if (found.items.size() != 2 || found.items[0].kind != RedisReply::kBulk) return failed("its answer makes no sense");
    Command unlink{"UNLINK"};
    for (const RedisReply& key : found.items[1].items) unlink.push_back(key.text);
    if (unlink.size() > 1) {
      if (const gh_status s = ask(unlink, RedisReply::kInteger, erased, soon()); s != GH_OK) return s;
    }
    cursor = std::move(found.items[0].text);
  } while (cursor != "0" && Clock::now() < until);
  return cursor == "0" ? GH_OK : GH_UNAVAILABLE;
}

bool RedisStore::up() {
  const auto now = Clock::now().time_since_epoch().count();
  Clock::rep due = ask_again_at_;
  if (now < due) return down_until_ == 0;
  ask_again_at_ = now + Clock::duration(kPause).count();
  RedisReply reply;
  return ask({"PING"}, RedisReply::kStatus, reply, soon()) == GH_OK;
}

gh_status RedisStore::run(const Script& script, Command rest, RedisReply::Kind kind, RedisReply& reply) {
  const auto deadline = soon();
  rest.insert(rest.begin(), {"EVALSHA", script.sha1});
  const gh_status status = ask(rest, kind, reply, deadline);
  if (status == GH_OK || !is_unknown_script(reply)) return status;
  rest[0] = "EVAL";  // which makes it known, after a restart of Redis as well
  rest[1] = script.text;
  return ask(rest, kind, reply, deadline);
}

gh_status RedisStore::ask(const Command& command, RedisReply::Kind kind, RedisReply& reply, Clock::time_point deadline) {
  if (!may_try()) return GH_UNAVAILABLE;
  Lease lease(*this, deadline);
  if (!lease.granted()) return GH_UNAVAILABLE;
  std::string why;
  auto connection = take_idle();
  if (!connection) connection = RedisConnection::open(settings_, deadline, why);
  if (!connection || !connection->ask(command, reply, deadline, why)) return failed(why);
  const bool is_error = reply.kind == RedisReply::kError;
  const bool is_nothing = kind == RedisReply::kBulk && reply.kind == RedisReply::kNil;
  if (!is_error && !is_nothing && reply.kind != kind) return failed("its answer is of the wrong type");
  lease.connection = std::move(connection);
  if (is_error && !is_unknown_script(reply)) return refused(reply.text);
  if (down_until_ != 0 && down_until_.exchange(0) != 0) log_.write(Level::kInfo, {}, {}, "the store is up again");
  return is_error ? GH_UNAVAILABLE : GH_OK;
}

/// What an error reply means. Redis itself is there, and says so at once: no pause is needed.
gh_status RedisStore::refused(const std::string& error) {
  for (const char* misuse : {"WRONGTYPE", "not an integer", "would overflow"}) {
    if (error.find(misuse) != error.npos) return GH_INVALID;
  }
  Clock::rep until = silent_until_;
  if (ticks_in(0s) >= until && silent_until_.compare_exchange_strong(until, ticks_in(kSilence))) {
    std::string fields = "{\"error\":";
    quote(fields, error.substr(0, std::min<std::size_t>(error.find(' '), 32)));  // its code, such as OOM, READONLY or NOAUTH
    log_.write(Level::kWarn, {}, {}, "the store refuses what it is asked", fields + '}');
  }
  return GH_UNAVAILABLE;
}

gh_status RedisStore::failed(std::string_view why) {
  std::vector<std::unique_ptr<RedisConnection>> doubtful;
  {
    const std::lock_guard lock(mutex_);
    doubtful.swap(idle_);
  }
  if (down_until_.exchange(ticks_in(kPause)) == 0) {
    std::string fields = "{\"reason\":";
    quote(fields, why);
    log_.write(Level::kWarn, {}, {}, "the store is down", fields + '}');
  }
  return GH_UNAVAILABLE;
}

bool RedisStore::may_try() {
  Clock::rep until = down_until_;
  // After the pause one call tries; for the others it begins anew.
  return until == 0 || (ticks_in(0s) >= until && down_until_.compare_exchange_strong(until, ticks_in(kPause)));
}

std::unique_ptr<RedisConnection> RedisStore::take_idle() {
  for (;;) {
    std::unique_ptr<RedisConnection> connection;
    {
      const std::lock_guard lock(mutex_);
      if (idle_.empty()) return nullptr;
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
    if (connection->is_idle()) return connection;
  }
}

}  // namespace gatehouse::core
