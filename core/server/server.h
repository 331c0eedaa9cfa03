#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "core/log/log.h"
#include "core/log/reminder.h"
#include "core/metrics/metrics.h"
#include "core/net/event_fd.h"
#include "core/server/connection.h"
#include "core/server/listener.h"
#include "core/server/slots.h"

namespace gatehouse::core {

/// Accepts connections and runs their requests by a Handler. Its mechanism is described in
/// server.cpp.
class Server {
 public:
  /// Throws std::runtime_error if there are no descriptors.
  Server(Log& log, Metrics& metrics);
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
  /// Whether a thread has polled since the last call, which woke one for that: a server that does
  /// not poll accepts nothing.
  bool is_polling();
  /// From now on accepts no connections, and each response is the last of its connection.
  void drain();
  std::size_t running() const { return running_; }
  std::size_t connections() const { return connections_; }
  /// Wakes all running requests, which then end with an error.
  void cancel();
  /// After drain(), when no request is running: closes all connections and ends all threads.
  void end();

 private:
  class Worker;
  void poll_and_run();
  void poll_until_busy();
  bool wait_until_wanted();
  Connection* next_connection();
  void handle(Connection* connection, bool& polling);
  Connection::Next serve_or_reject(Connection& connection, bool& polling);
  void park(Connection* connection, Connection::Next next);
  void accept(int listener_fd);
  void accept_waiting(const Listener& listener);
  bool accept_one(const Listener& listener);
  bool may_connect(const Listener& listener, const std::string& peer);
  std::unique_ptr<Opening> opening_of(const Listener& listener);
  void count_rejected(const std::string& reason, std::string_view peer, std::string_view detail);
  void watch(std::unique_ptr<Connection> connection);
  void arm(const Listener& listener, int operation);
  void arm_listeners();
  bool become_poller();
  void ensure_poller();
  bool leave_others();
  bool another_is_free();
  bool add_thread();
  void join_ended_threads();
  std::shared_ptr<const Setup> setup();

  Log& log_;
  Metrics& metrics_;
  EventFd stop_polling_, stop_requests_, pulse_;
  int epoll_ = -1;
  Slots slots_;
  std::atomic<bool> draining_{false}, ending_{false}, accept_paused_{false}, has_pulse_{true};
  std::atomic<std::size_t> running_{0}, connections_{0};
  std::atomic<int> pollers_{0};
  std::atomic<int> free_{0};  // threads that run no request; at least one, so that one can poll
  const ServerContext context_;

  std::mutex accept_mutex_;  // accepting against changing the listeners
  Listeners listeners_;      // written by the control thread, guarded by accept_mutex_
  Reminder cannot_accept_;   // guarded by accept_mutex_
  Reminder untrusted_;       // guarded by accept_mutex_

  std::mutex setup_mutex_;
  std::shared_ptr<const Setup> setup_;  // guarded by setup_mutex_

  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;                         // a thread is about to poll; guarded by mutex_
  std::list<std::unique_ptr<Worker>> workers_;  // guarded by mutex_
  Reminder no_threads_;                         // guarded by mutex_
};

}  // namespace gatehouse::core
