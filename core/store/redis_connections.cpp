#include "core/store/redis_connections.h"

#include <poll.h>

#include <string_view>
#include <system_error>
#include <utility>

#include "core/net/resolver.h"
#include "core/text/number.h"

namespace gatehouse::core {
namespace {

constexpr auto kLongestLife = std::chrono::minutes(5);

}  // namespace

/// False: all are in use; `turn`, unless null, is then signalled once one of them is the caller's.
bool RedisConnections::Lane::take(const EventFd* turn) {
  const std::lock_guard lock(mutex_);
  if (in_use_ < most_) {
    ++in_use_;
    return true;
  }
  if (turn) waiting_.push_back(turn);
  return false;
}

/// False: it is too late for that, the turn has come.
bool RedisConnections::Lane::give_up(const EventFd& turn) {
  const std::lock_guard lock(mutex_);
  return waiting_.remove(&turn) > 0;
}

void RedisConnections::Lane::give_back() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) {
    --in_use_;
    return;
  }
  waiting_.front()->signal();
  waiting_.pop_front();
}

RedisConnections::Lease::Lease(RedisConnections& connections, Lane& lane,
                               Clock::time_point deadline)
    : connections_(connections),
      lane_(lane),
      granted_(lane.take(nullptr) || wait_for(lane, deadline)) {}

bool RedisConnections::Lease::wait_for(Lane& lane, Clock::time_point deadline) {
  try {
    const EventFd turn;
    if (lane.take(&turn)) return true;
    Waiter waiter(-1, -1, Clock::time_point::max(), [] { return Clock::time_point::max(); });
    (void)waiter.wait(turn.fd(), POLLIN, deadline);
    return !lane.give_up(turn);
  } catch (const std::system_error&) {
    return false;
  }
}

RedisConnections::Lease::~Lease() {
  if (granted_) lane_.give_back();
}

std::unique_ptr<RedisConnection> RedisConnections::Lease::take_idle() {
  for (;;) {
    std::unique_ptr<RedisConnection> connection;
    {
      const std::lock_guard lock(lane_.mutex_);
      if (lane_.idle_.empty()) return nullptr;
      connection = std::move(lane_.idle_.back());
      lane_.idle_.pop_back();
    }
    if (connections_.is_usable(*connection) && connection->is_idle()) return connection;
  }
}

void RedisConnections::Lease::keep(std::unique_ptr<RedisConnection> connection) {
  if (!connections_.is_usable(*connection)) return;
  const std::lock_guard lock(lane_.mutex_);
  lane_.idle_.push_back(std::move(connection));
}

StoreSettings::Redis RedisConnections::target() {
  const std::lock_guard lock(mutex_);
  return moved_.value_or(settings_);
}

void RedisConnections::renew() {
  {
    const std::lock_guard lock(mutex_);
    moved_.reset();
  }
  forget(settings_.host);
  close_all();
}

bool RedisConnections::follow(const RedisReply& moved) {
  const std::string_view text = moved.text;
  const std::size_t space = text.rfind(' '), colon = text.rfind(':');
  if (space == text.npos || colon == text.npos || colon < space) return false;
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return false;
  StoreSettings::Redis to = target();
  to.port = *port;
  // Without a host it is the same as before.
  if (colon > space + 1) to.host = text.substr(space + 1, colon - space - 1);
  {
    const std::lock_guard lock(mutex_);
    if (moved_ == to) return true;
    moved_ = std::move(to);
  }
  close_all();
  return true;
}

bool RedisConnections::is_usable(const RedisConnection& connection) const {
  return connection.opened() > renewed() && Clock::now() < connection.opened() + kLongestLife;
}

void RedisConnections::close_all() {
  renewed_at_ = Clock::now().time_since_epoch().count();
  for (Lane* lane : {&counts, &values, &large}) {
    std::vector<std::unique_ptr<RedisConnection>> old;  // closed without the lock
    const std::lock_guard lock(lane->mutex_);
    old.swap(lane->idle_);
  }
}

}  // namespace gatehouse::core
