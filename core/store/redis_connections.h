#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/net/event_fd.h"
#include "core/store/redis_connection.h"

namespace gatehouse::core {

/// The connections to one Redis, kept between calls for at most five minutes, since names and load
/// balancers change their targets. Any thread.
class RedisConnections {
 public:
  /// The connections of one kind of call, so that large values cannot block anything else.
  class Lane {
   public:
    explicit Lane(std::size_t most) : most_(most) {}

   private:
    friend class RedisConnections;
    bool take(const EventFd* turn);
    bool give_up(const EventFd& turn);
    void give_back();

    const std::size_t most_;
    std::mutex mutex_;
    std::size_t in_use_ = 0;                              // guarded by mutex_
    std::list<const EventFd*> waiting_;                   // guarded by mutex_; signalled in order
    std::vector<std::unique_ptr<RedisConnection>> idle_;  // guarded by mutex_
  };

  /// The right to use one of the connections of a lane.
  class Lease {
   public:
    Lease(RedisConnections& connections, Lane& lane, Clock::time_point deadline);
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();
    /// False: all connections are in use.
    bool granted() const { return granted_; }
    const Lane& lane() const { return lane_; }
    /// An idle connection, or null.
    std::unique_ptr<RedisConnection> take_idle();
    /// Keeps the connection for the next call, unless it is too old.
    void keep(std::unique_ptr<RedisConnection> connection);

   private:
    static bool wait_for(Lane& lane, Clock::time_point deadline);

    RedisConnections& connections_;
    Lane& lane_;
    const bool granted_;
  };

  explicit RedisConnections(StoreSettings::Redis settings) : settings_(std::move(settings)) {}

  Lane counts{16}, values{16}, large{4};

  /// The server to connect to.
  StoreSettings::Redis target();
  /// Closes all connections and forgets the address: the server is gone, or has another role now.
  void renew();
  Clock::time_point renewed() const { return Clock::time_point(Clock::duration(renewed_at_)); }
  /// Connects to the cluster node that `moved` names from now on: "MOVED 3999 192.0.2.1:6381".
  /// False: it names none.
  bool follow(const RedisReply& moved);

 private:
  bool is_usable(const RedisConnection& connection) const;
  void close_all();

  const StoreSettings::Redis settings_;
  std::atomic<Clock::rep> renewed_at_{0};  // older connections are not reused
  std::mutex mutex_;
  std::optional<StoreSettings::Redis> moved_;  // guarded by mutex_
};

}  // namespace gatehouse::core
