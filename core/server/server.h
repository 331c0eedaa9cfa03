#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "core/log/reminder.h"
#include "core/metrics/metrics.h"
#include "core/net/event_fd.h"
#include "core/server/connection.h"
#include "core/server/listener.h"
#include "core/server/shard.h"
#include "core/server/threads.h"

namespace gatehouse::core {

/// Accepts connections and runs their requests by a Handler. Its mechanism is described in
/// server.cpp.
class Server {
 public:
  /// `loops`: threads that poll and run requests. Throws std::runtime_error if there are no
  /// descriptors.
  Server(Log& log, Metrics& metrics, std::size_t loops);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Control thread only:

  /// From now on accepts connections at exactly these addresses.
  void listen(Listeners listeners);
  const Listeners& listeners() const { return listeners_; }
  /// For requests that begin from now on.
  void use(std::shared_ptr<const Setup> setup);
  /// Throws std::runtime_error if there are no threads.
  void start();
  /// Several times a second: closes connections whose time is up.
  void tick();
  /// Whether a thread has polled since the last call, which woke all for that: a server that does
  /// not poll accepts nothing.
  bool is_polling();
  /// From now on accepts no connections, and each response is the last of its connection.
  void drain();
  std::size_t running() const { return running_; }
  std::size_t connections() const;
  /// Wakes all running requests, which then end with an error.
  void cancel();
  /// After drain(), when no request is running: closes all connections and ends all threads.
  void end();

 private:
  void accept(int listener_fd);
  void accept_waiting(const Listener& listener);
  bool accept_one(const Listener& listener);
  bool may_connect(const Listener& listener, const std::string& peer);
  std::unique_ptr<Opening> opening_of(const Listener& listener);
  void count_rejected(const std::string& reason, std::string_view peer, std::string_view detail);
  Shard& least_busy();
  void watch(const Listener& listener);
  void ignore(const Listener& listener);
  void pause(int error);
  std::shared_ptr<const Setup> setup();

  Log& log_;
  Metrics& metrics_;
  const EventFd stop_requests_;
  std::atomic<bool> draining_{false};
  std::atomic<std::size_t> running_{0};
  const ServerContext context_;

  std::mutex accept_mutex_;     // accepting against changing the listeners
  Listeners listeners_;         // written by the control thread, guarded by accept_mutex_
  bool accept_paused_ = false;  // guarded by accept_mutex_
  Reminder cannot_accept_;      // guarded by accept_mutex_
  Reminder untrusted_;          // guarded by accept_mutex_

  std::mutex setup_mutex_;
  std::shared_ptr<const Setup> setup_;  // guarded by setup_mutex_

  Threads threads_;
  const ShardContext shard_context_;
  std::vector<std::unique_ptr<Shard>> shards_;  // constant from start() to end()
};

}  // namespace gatehouse::core
