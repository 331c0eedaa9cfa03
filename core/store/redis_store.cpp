// Each call is one command, or one Lua script that Redis executes as one step, on a connection of
// one of three lanes: counters, values, large values. Errors are handled by what they mean:
//
//   an error reply        Redis works and rejects this command (READONLY, OOM, NOPERM ...):
//                         the call fails, the state is degraded for ten seconds, nothing pauses
//   a failed call         no reply in time, or garbage: the call fails alone
//   three in a row, or    the store is down: every call fails at once, for a second; then one call
//   no connection         tries, and its success brings the store up again
//
// take() and add_all() count in the process's own MemoryStore first and in Redis second, so that a
// limit holds here even if Redis forgets or cannot be reached; what Redis does not admit is given
// back.
#include "core/store/redis_store.h"

#include <Poco/SHA1Engine.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "core/text/number.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 45ms;    // a call ends within 50 ms
constexpr auto kOpening = 200ms;    // TCP, TLS and AUTH take up to five round trips
constexpr int kFailuresInARow = 3;  // after which the store is down
constexpr auto kPause = 1s;         // after which a store that is down is tried again
constexpr auto kShown = 10s;        // for which a rejection is the state of the store
constexpr auto kSilence = 60s;      // between log records about rejections
constexpr auto kLongestClear = 10s;
constexpr std::size_t kLocalBytes = 64 << 20;  // for counters while Redis is down
constexpr std::size_t kMaxValue = 4 << 20;     // can be transferred within a second
constexpr std::size_t kLarge = 64 << 10;       // a larger value takes over 16 ms on a slow line
// A cluster keeps all keys with the same text in braces on one node, as the keys of one take() must
// be.
constexpr std::string_view kPrefix = "gatehouse:{all}:";

// Returns the sum as text: Lua's numbers are exact only up to 2^53.
constexpr std::string_view kAdd = R"(
redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
)";

// The arguments of each key are what is added, the most, and the time to live. Returns the counters
// and whether all have been added to.
constexpr std::string_view kAddAll = R"(
local out, all = {}, 1
for i, key in ipairs(KEYS) do
  local total, by = tonumber(redis.call('GET', key) or 0), tonumber(ARGV[3 * i - 2])
  if not total then return redis.error_reply('ERR value is not an integer') end
  if by > 0 and total + by > tonumber(ARGV[3 * i - 1]) then all = 0 end
  out[i] = total
end
out[#KEYS + 1] = all
if all == 0 then return out end
for i, key in ipairs(KEYS) do
  out[i] = redis.call('INCRBY', key, ARGV[3 * i - 2])
  if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ARGV[3 * i]) end
end
return out
)";

// The log of the takes of each quota, oldest first, as Takes keeps it: "time:before:units", where
// `time` is that of the last take of the entry in microseconds of Redis's clock, and `before` is
// the sum of the units of all earlier entries, modulo 2^52, so that what is left in a window is a
// difference and needs no other key. Two numbers per key, as GCRA keeps, would not do: GCRA admits
// a burst of the limit and then, within the same window, nearly as many again.
// The arguments of each key are limit, window, cost, and the time within which takes are merged.
constexpr std::string_view kTake = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local modulus = 2 ^ 52

local function entry(key, index)
  local text = redis.call('LINDEX', key, index)
  if not text then return nil end
  local at, before, units = string.match(text, '^(%d+):(%d+):(%d+)$')
  return at + 0, before + 0, units + 0 -- numbers, or an error
end

local out, all, log = {}, true, {}
for i, key in ipairs(KEYS) do
  local limit, window, cost = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2]),
                              tonumber(ARGV[4 * i - 1])
  local newest, before, units = entry(key, -1)
  if newest and newest > now + window then -- the clock was set back
    redis.call('DEL', key)
    newest = nil
  end
  if not newest then newest, before, units = 0, 0, 0 end
  local oldest, base, first_units = entry(key, 0)
  while oldest and oldest + window <= now do
    redis.call('LPOP', key)
    oldest, base, first_units = entry(key, 0)
  end
  log[i] = {newest, before, units, oldest}
  local taken = oldest and (before + units - base) % modulus or 0
  local excess = taken + cost - limit
  if excess > 0 and first_units < excess then -- which take is the last of these units?
    local low, high = 0, redis.call('LLEN', key) - 1
    while low < high do
      local middle = math.floor((low + high) / 2)
      local _, its_before, its_units = entry(key, middle)
      if (its_before + its_units - base) % modulus < excess then
        low = middle + 1
      else
        high = middle
      end
    end
    oldest = entry(key, low)
  end
  out[2 * i - 1] = excess > 0 and -1 or limit - taken
  out[2 * i] = oldest and oldest + window - now or 0
  all = all and excess <= 0
end
if not all then return out end

for i, key in ipairs(KEYS) do
  local window, cost, part = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1]),
                             tonumber(ARGV[4 * i])
  local newest, before, units, oldest = unpack(log[i])
  local at = math.max(now, newest)
  if math.floor(at / part) == math.floor(newest / part) then
    if oldest == newest then oldest = at end
    redis.call('LSET', key, -1, string.format('%.0f:%.0f:%.0f', at, before, units + cost))
  else
    before = (before + units) % modulus
    redis.call('RPUSH', key, string.format('%.0f:%.0f:%.0f', at, before, cost))
  end
  redis.call('PEXPIRE', key, math.ceil((at + window - now) / 1000) + 1)
  out[2 * i - 1] = out[2 * i - 1] - cost
  out[2 * i] = (oldest or at) + window - now
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

/// What kTake returns for one quota. False: it cannot be that.
bool read_quota(const RedisReply& remaining, const RedisReply& reset, gh_quota& quota) {
  constexpr std::int64_t kMaxMicroseconds = std::numeric_limits<std::int64_t>::max() / 1000;
  const bool is_valid = remaining.kind == RedisReply::kInteger && remaining.integer >= -1 &&
                        reset.kind == RedisReply::kInteger && reset.integer >= 0 &&
                        reset.integer <= kMaxMicroseconds;
  if (!is_valid) return false;
  quota.remaining = remaining.integer;
  quota.reset_ns = reset.integer * 1000;
  return true;
}

/// A connection or a reply that did not come in time, which happens to a store that is up as well.
bool is_late(const Error& error) {
  return error.kind == Error::connect_timeout || error.kind == Error::timeout;
}

}  // namespace

RedisStore::Script::Script(std::string_view program) : text(program), sha1(sha1_of(program)) {}

RedisStore::RedisStore(StoreSettings::Redis settings, Log& log)
    : log_(log),
      add_(kAdd),
      add_all_(kAddAll),
      take_(kTake),
      here_(kLocalBytes),
      connections_(std::move(settings)) {}

gh_status RedisStore::get(std::string_view key, Value& value) {
  RedisReply reply;
  const gh_status status =
      execute(connections_.values, {"GET", key_of(key)}, RedisReply::kBulk, reply);
  if (status != GH_OK) return status;
  if (reply.kind == RedisReply::kNil) return GH_ABSENT;
  value = std::make_shared<const std::string>(std::move(reply.text));
  return GH_OK;
}

gh_status RedisStore::put(std::string_view key, std::string_view value,
                          std::chrono::nanoseconds ttl) {
  if (value.size() > kMaxValue) return GH_INVALID;
  RedisReply reply;
  return execute(value.size() > kLarge ? connections_.large : connections_.values,
                 {"SET", key_of(key), value, "PX", in_ms(ttl)}, RedisReply::kStatus, reply);
}

gh_status RedisStore::add(std::string_view key, std::int64_t by, std::chrono::nanoseconds ttl,
                          std::int64_t& total) {
  RedisReply reply;
  const gh_status status =
      run(add_, {"1", key_of(key), std::to_string(by), in_ms(ttl)}, RedisReply::kBulk, reply);
  if (status != GH_OK) return status;
  const auto sum = parse_number<std::int64_t>(reply.text);
  if (!sum) return malformed("the reply to a script is not a number");
  total = *sum;
  return GH_OK;
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
    words.push_back(std::to_string(quotas[i].cost));
    words.push_back(std::to_string(std::max<std::int64_t>(1, Takes::part_ns(quotas[i]) / 1000)));
  }
  RedisReply reply;
  const gh_status status = run(take_, {words.begin(), words.end()}, RedisReply::kArray, reply);
  if (status != GH_OK) return status;

  if (reply.items.size() != 2 * count)
    return malformed("the reply to a script has the wrong length");
  bool all = true;
  for (std::size_t i = 0; i < count; ++i) {
    if (!read_quota(reply.items[2 * i], reply.items[2 * i + 1], quotas[i]))
      return malformed("the reply to a script has a value out of range");
    all = all && quotas[i].remaining >= 0;
  }
  return all ? GH_OK : GH_ABSENT;
}

gh_status RedisStore::add_all(gh_addition* additions, std::size_t count) {
  gh_status status = here_.add_all(additions, count);
  if (status != GH_OK) return status;
  std::vector<gh_addition> undone(additions, additions + count);
  status = add_all_there(additions, count);
  if (status == GH_OK) return status;
  for (gh_addition& addition : undone) {
    addition.by = -addition.by;
    addition.most = std::numeric_limits<std::int64_t>::max();
  }
  (void)here_.add_all(undone.data(), count);  // it cannot fail where the opposite has not
  return status;
}

gh_status RedisStore::add_all_there(gh_addition* additions, std::size_t count) {
  const std::span all(additions, count);
  std::vector<std::string> words;
  words.push_back(std::to_string(count));
  for (const gh_addition& addition : all) words.push_back(key_of(view(addition.key)));
  for (const gh_addition& addition : all) {
    words.push_back(std::to_string(addition.by));
    words.push_back(std::to_string(addition.most));
    words.push_back(in_ms(std::chrono::nanoseconds(addition.ttl_ns)));
  }
  RedisReply reply;
  const gh_status status = run(add_all_, {words.begin(), words.end()}, RedisReply::kArray, reply);
  if (status != GH_OK) return status;
  const auto is_integer = [](const RedisReply& r) { return r.kind == RedisReply::kInteger; };
  if (reply.items.size() != count + 1 ||
      !std::all_of(reply.items.begin(), reply.items.end(), is_integer))
    return malformed("the reply to a script is not a list of counters");
  for (std::size_t i = 0; i < count; ++i) additions[i].total = reply.items[i].integer;
  return reply.items[count].integer != 0 ? GH_OK : GH_ABSENT;
}

gh_status RedisStore::erase(std::string_view key) {
  (void)here_.erase(key);
  RedisReply reply;
  return execute(connections_.values, {"UNLINK", key_of(key)}, RedisReply::kInteger, reply);
}

gh_status RedisStore::clear(std::string_view prefix) {
  (void)here_.clear(prefix);
  const std::string pattern = pattern_of(prefix);
  const auto until = Clock::now() + kLongestClear;
  std::string cursor = "0";
  do {
    RedisReply found, erased;
    const Command scan{"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"};
    gh_status status = execute(connections_.values, scan, RedisReply::kArray, found);
    if (status != GH_OK) return status;
    if (found.items.size() != 2 || found.items[0].kind != RedisReply::kBulk)
      return malformed("the reply to SCAN is not a cursor and a list of keys");
    Command unlink{"UNLINK"};
    for (const RedisReply& key : found.items[1].items) unlink.push_back(key.text);
    if (unlink.size() > 1)
      status = execute(connections_.values, unlink, RedisReply::kInteger, erased);
    if (status != GH_OK) return status;
    cursor = std::move(found.items[0].text);
  } while (cursor != "0" && Clock::now() < until);
  return cursor == "0" ? GH_OK : GH_UNAVAILABLE;
}

Store::State RedisStore::state() const {
  const std::lock_guard lock(mutex_);
  if (!rejection_.empty() && Clock::now() < rejected_at_ + kShown)
    return {State::kDegraded, rejection_};
  if (down_until_ != 0) return {State::kDown, why_down_};
  return {};
}

void RedisStore::watch() {
  prober_ = std::jthread([this](const std::stop_token& stop) {
    // The first probes follow each other at once, so that an outage at start-up is known at once.
    for (int i = 0; i < kFailuresInARow && probe() != GH_OK; ++i) {
    }
    std::unique_lock lock(pause_mutex_);
    while (!pause_.wait_for(lock, stop, kPause, [&] { return stop.stop_requested(); }))
      (void)probe();
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
  const gh_status status = execute(connections_.counts, rest, kind, reply);
  if (!reply.is_error("NOSCRIPT")) return status;
  rest[0] = "EVAL";  // which also loads it, again after each restart of Redis
  rest[1] = script.text;
  return execute(connections_.counts, rest, kind, reply);
}

gh_status RedisStore::execute(RedisConnections::Lane& lane, const Command& command,
                              RedisReply::Kind kind, RedisReply& reply) {
  if (!may_try()) return GH_UNAVAILABLE;
  const auto deadline = soon();
  RedisConnections::Lease lease(connections_, lane, deadline);
  if (!lease.granted()) return GH_UNAVAILABLE;
  std::unique_ptr<RedisConnection> connection;
  gh_status status = send(lease, command, deadline, connection, reply);
  if (status == GH_OK && reply.is_error("MOVED") && connections_.follow(reply))
    status = send(lease, command, deadline, connection, reply);
  if (status != GH_OK) return status;

  const bool is_error = reply.kind == RedisReply::kError;
  const bool is_nothing = kind == RedisReply::kBulk && reply.kind == RedisReply::kNil;
  if (!is_error && !is_nothing && reply.kind != kind)
    return malformed("the reply has the wrong type");
  succeeded();
  if (is_error) status = rejected(reply);
  lease.keep(std::move(connection));
  return status;
}

gh_status RedisStore::send(RedisConnections::Lease& lease, const Command& command,
                           Clock::time_point deadline, std::unique_ptr<RedisConnection>& connection,
                           RedisReply& reply) {
  connection = lease.take_idle();
  if (!connection) {
    auto opened = RedisConnection::open(connections_.target(), Clock::now() + kOpening);
    if (!opened) return is_late(opened.error()) ? failed(opened.error()) : down(opened.error());
    connection = *std::move(opened);
    deadline = soon();
  }
  auto executed = connection->execute(command, deadline);
  if (!executed) {
    // Redis works, but the line is too slow for a value of this size.
    const bool is_slow = &lease.lane() == &connections_.large || connection->has_begun();
    return is_slow ? GH_UNAVAILABLE : failed(executed.error());
  }
  reply = *std::move(executed);
  return GH_OK;
}

bool RedisStore::may_try() {
  Clock::rep until = down_until_;
  // After the pause one call tries; for the others the pause begins again.
  return until == 0 ||
         (ticks_in(0s) >= until && down_until_.compare_exchange_strong(until, ticks_in(kPause)));
}

void RedisStore::succeeded() {
  failures_ = 0;
  if (down_until_ != 0 && down_until_.exchange(0) != 0) log_.info("the store is up again");
}

/// Redis itself works and replies at once, so no pause is needed.
gh_status RedisStore::rejected(const RedisReply& error) {
  if (error.is_error("NOSCRIPT")) return GH_UNAVAILABLE;
  for (const char* misuse : {"WRONGTYPE", "not an integer", "would overflow"}) {
    if (error.text.find(misuse) != error.text.npos) return GH_INVALID;
  }
  // The server has another role now, the name points elsewhere, or the password has changed.
  constexpr std::string_view kElsewhere[] = {"READONLY",    "MASTERDOWN", "LOADING",
                                             "CLUSTERDOWN", "MOVED",      "NOAUTH"};
  const std::string_view code = error.code();
  const bool is_elsewhere =
      std::find(std::begin(kElsewhere), std::end(kElsewhere), code) != std::end(kElsewhere);
  if (is_elsewhere && Clock::now() >= connections_.renewed() + kPause) connections_.renew();
  {
    const std::lock_guard lock(mutex_);
    rejection_ = code;
    rejected_at_ = Clock::now();
  }
  Clock::rep until = silent_until_;
  if (ticks_in(0s) >= until && silent_until_.compare_exchange_strong(until, ticks_in(kSilence)))
    log_.warn("the store rejects commands", {{"error", code}});
  return GH_UNAVAILABLE;
}

gh_status RedisStore::failed(const Error& error) {
  if (++failures_ >= kFailuresInARow || down_until_ != 0) return down(error);
  return GH_UNAVAILABLE;
}

gh_status RedisStore::down(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    why_down_ = error.detail;
    // RedisConnection::open() puts the code of a rejection first.
    const bool is_rejection = error.kind == Error::rejected;
    rejection_ = is_rejection ? error.detail.substr(0, error.detail.find(':')) : std::string();
    rejected_at_ = Clock::now();
  }
  connections_.renew();
  if (down_until_.exchange(ticks_in(kPause)) == 0)
    log_.warn("the store is down", {{"reason", error.detail}});
  return GH_UNAVAILABLE;
}

}  // namespace gatehouse::core
