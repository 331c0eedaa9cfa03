#include "core/store/redis_store.h"

#include <Poco/SHA1Engine.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "core/json/json.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 45ms;    // a call ends within 50 ms
constexpr auto kOpening = 200ms;    // TCP, TLS and AUTH are up to five round trips
constexpr int kFailuresInARow = 3;  // are no accident
constexpr auto kPause = 1s;         // before an attempt to reach what has failed
constexpr auto kShown = 10s;        // a refusal, as the state of the store
constexpr auto kSilence = 60s;      // between complaints about what Redis refuses
constexpr auto kLongestClear = 10s;
constexpr std::size_t kLocalBytes = 64 << 20;  // for counters while Redis is down
constexpr std::size_t kMaxValue = 4 << 20;  // so that it can be carried in a second
constexpr std::size_t kLarge = 64 << 10;    // of a value: 16 ms on a slow line
// A cluster keeps all keys with the same text in braces on one node, as those of one take() must
// be.
constexpr std::string_view kPrefix = "gatehouse:{all}:";

// The sum comes as text: Lua's numbers are exact up to 2^53 only.
constexpr std::string_view kAdd = R"(
redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
)";

// The times of all takes of each window, in microseconds of Redis's clock. Two numbers per key, as
// GCRA keeps, would not do: it lets a burst of the limit pass and then, within the same window,
// nearly as many again.
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

Clock::rep ticks_in(Clock::duration time) {
  return (Clock::now() + time).time_since_epoch().count();
}

std::string key_of(std::string_view key) { return std::string(kPrefix).append(key); }

std::string in_ms(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(time).count());
}

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

bool is_error(const RedisReply& reply, std::string_view code) {
  return reply.kind == RedisReply::kError && reply.code() == code;
}

}  // namespace

RedisStore::Script::Script(std::string_view program) : text(program), sha1(sha1_of(program)) {}

RedisStore::RedisStore(StoreSettings::Redis settings, Log& log)
    : log_(log),
      add_(kAdd),
      take_(kTake),
      here_(kLocalBytes),
      connections_(std::move(settings)) {}

RedisStore::~RedisStore() {
  if (first_try_.joinable()) first_try_.join();
}

gh_status RedisStore::get(std::string_view key, Value& value) {
  RedisReply reply;
  if (const gh_status status =
          ask(connections_.values, {"GET", key_of(key)}, RedisReply::kBulk, reply);
      status != GH_OK)
    return status;
  if (reply.kind == RedisReply::kNil) return GH_ABSENT;
  value = std::make_shared<const std::string>(std::move(reply.text));
  return GH_OK;
}

gh_status RedisStore::put(std::string_view key, std::string_view value,
                          std::chrono::nanoseconds ttl) {
  if (value.size() > kMaxValue) return GH_INVALID;
  RedisReply reply;
  return ask(value.size() > kLarge ? connections_.large : connections_.values,
             {"SET", key_of(key), value, "PX", in_ms(ttl)}, RedisReply::kStatus, reply);
}

gh_status RedisStore::add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl,
                          std::int64_t& total) {
  RedisReply reply;
  const gh_status status =
      run(add_, {"1", key_of(key), std::to_string(by), in_ms(ttl)}, RedisReply::kBulk, reply);
  if (status != GH_OK) return status;
  const char* const end = reply.text.data() + reply.text.size();
  const auto [stop, error] = std::from_chars(reply.text.data(), end, total);
  return error == std::errc() && stop == end ? GH_OK : failed("the sum is no number");
}

gh_status RedisStore::take(gh_quota* quotas, std::size_t count) {
  Clock::time_point at;
  gh_status status = here_.take(quotas, count, at);
  if (status != GH_OK) return status;
  status = take_there(quotas, count);
  here_.settle(quotas, count, at, status == GH_OK);
  return status;
}

gh_status RedisStore::take_there(gh_quota* quotas, std::size_t count) {
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
    if (remaining.kind != RedisReply::kInteger || remaining.integer < -1 ||
        reset.kind != RedisReply::kInteger || reset.integer < 0 ||
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
  (void)here_.erase(key);
  RedisReply reply;
  return ask(connections_.values, {"UNLINK", key_of(key)}, RedisReply::kInteger, reply);
}

gh_status RedisStore::clear(std::string_view prefix) {
  (void)here_.clear(prefix);
  const std::string pattern = pattern_of(prefix);
  const auto until = Clock::now() + kLongestClear;
  std::string cursor = "0";
  do {
    RedisReply found, erased;
    const Command scan{"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"};
    if (const gh_status s = ask(connections_.values, scan, RedisReply::kArray, found); s != GH_OK)
      return s;
    if (found.items.size() != 2 || found.items[0].kind != RedisReply::kBulk)
      return failed("its answer makes no sense");
    Command unlink{"UNLINK"};
    for (const RedisReply& key : found.items[1].items) unlink.push_back(key.text);
    if (unlink.size() > 1) {
      if (const gh_status s = ask(connections_.values, unlink, RedisReply::kInteger, erased);
          s != GH_OK)
        return s;
    }
    cursor = std::move(found.items[0].text);
  } while (cursor != "0" && Clock::now() < until);
  return cursor == "0" ? GH_OK : GH_UNAVAILABLE;
}

Store::State RedisStore::state() {
  const auto now = ticks_in(0s);
  if (Clock::rep due = ask_again_at_;
      now >= due && ask_again_at_.compare_exchange_strong(due, ticks_in(kPause)))
    (void)probe();
  const std::lock_guard lock(mutex_);
  if (!refusal_.empty() && Clock::now() < refused_at_ + kShown) return {State::kDegraded, refusal_};
  if (down_until_ != 0) return {State::kDown, why_down_};
  return {};
}

void RedisStore::try_at_start() {
  first_try_ = std::thread([this] {
    for (int i = 0; i < kFailuresInARow && probe() != GH_OK; ++i) {
    }
  });
}

gh_status RedisStore::probe() {
  constexpr std::string_view kNoInstance = "probe";  // the keys of instances have a colon
  gh_quota quota{};
  quota.key = raw(kNoInstance);
  quota.limit = 1'000'000;
  quota.window_ns = std::chrono::nanoseconds(1s).count();
  quota.cost = 1;
  return take_there(&quota, 1);
}

gh_status RedisStore::run(const Script& script, Command rest, RedisReply::Kind kind,
                          RedisReply& reply) {
  rest.insert(rest.begin(), {"EVALSHA", script.sha1});
  const gh_status status = ask(connections_.counts, rest, kind, reply);
  if (!is_error(reply, "NOSCRIPT")) return status;
  rest[0] = "EVAL";  // which makes it known, after a restart of Redis as well
  rest[1] = script.text;
  return ask(connections_.counts, rest, kind, reply);
}

gh_status RedisStore::ask(RedisConnections::Lane& lane, const Command& command,
                          RedisReply::Kind kind, RedisReply& reply) {
  if (!may_try()) return GH_UNAVAILABLE;
  auto deadline = soon();
  RedisConnections::Lease lease(connections_, lane, deadline);
  if (!lease.granted()) return GH_UNAVAILABLE;
  std::unique_ptr<RedisConnection> connection;
  for (bool followed = false; !connection;) {
    std::string why, code;
    connection = lease.take_idle();
    if (!connection) {
      const auto until = Clock::now() + kOpening;
      connection = RedisConnection::open(connections_.target(), until, why, code);
      if (!connection) return Clock::now() < until ? down(why, code) : failed(why);
      deadline = soon();
    }
    if (!connection->ask(command, reply, deadline, why)) {
      // Redis is there; the line is too slow for a value of this size.
      const bool is_slow = &lane == &connections_.large || connection->has_begun();
      return is_slow ? GH_UNAVAILABLE : failed(why);
    }
    if (!followed && is_error(reply, "MOVED") && connections_.follow(reply)) {
      followed = true;
      connection = nullptr;
    }
  }
  const bool refusal = reply.kind == RedisReply::kError;
  const bool is_nothing = kind == RedisReply::kBulk && reply.kind == RedisReply::kNil;
  if (!refusal && !is_nothing && reply.kind != kind)
    return failed("its answer is of the wrong type");
  failures_ = 0;
  if (down_until_ != 0 && down_until_.exchange(0) != 0)
    log_.write(Level::kInfo, {}, {}, "the store is up again");
  gh_status status = GH_OK;
  if (refusal) status = is_error(reply, "NOSCRIPT") ? GH_UNAVAILABLE : refused(reply);
  lease.keep(std::move(connection));
  return status;
}

bool RedisStore::may_try() {
  Clock::rep until = down_until_;
  // After the pause one call tries; for the others it begins anew.
  return until == 0 ||
         (ticks_in(0s) >= until && down_until_.compare_exchange_strong(until, ticks_in(kPause)));
}

/// What an error reply means. Redis itself is there, and says so at once: no pause is needed.
gh_status RedisStore::refused(const RedisReply& error) {
  for (const char* misuse : {"WRONGTYPE", "not an integer", "would overflow"}) {
    if (error.text.find(misuse) != error.text.npos) return GH_INVALID;
  }
  // The server is not what it was, the name leads elsewhere by now, or there is a new password.
  constexpr std::string_view kElsewhere[] = {"READONLY",    "MASTERDOWN", "LOADING",
                                             "CLUSTERDOWN", "MOVED",      "NOAUTH"};
  const std::string_view code = error.code();
  const bool is_elsewhere =
      std::find(std::begin(kElsewhere), std::end(kElsewhere), code) != std::end(kElsewhere);
  if (is_elsewhere && Clock::now() >= connections_.renewed() + kPause) connections_.renew();
  {
    const std::lock_guard lock(mutex_);
    refusal_ = code;
    refused_at_ = Clock::now();
  }
  Clock::rep until = silent_until_;
  if (ticks_in(0s) >= until && silent_until_.compare_exchange_strong(until, ticks_in(kSilence))) {
    log_.write(Level::kWarn, {}, {}, "the store refuses what it is asked",
               object_of("error", code));
  }
  return GH_UNAVAILABLE;
}

gh_status RedisStore::failed(std::string_view why) {
  if (++failures_ >= kFailuresInARow || down_until_ != 0) return down(why);
  return GH_UNAVAILABLE;
}

gh_status RedisStore::down(std::string_view why, std::string_view code) {
  {
    const std::lock_guard lock(mutex_);
    why_down_ = why;
    refusal_ = code;
    refused_at_ = Clock::now();
  }
  connections_.renew();
  if (down_until_.exchange(ticks_in(kPause)) == 0) {
    const std::string reason =
        code.empty() ? std::string(why) : std::string(why).append(": ").append(code);
    log_.write(Level::kWarn, {}, {}, "the store is down", object_of("reason", reason));
  }
  return GH_UNAVAILABLE;
}

}  // namespace gatehouse::core
