#pragma once

#include <Poco/Net/ServerSocket.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "core/log/log.h"
#include "core/log/reminder.h"
#include "core/net/event_fd.h"
#include "core/server/connection.h"
#include "core/server/slots.h"

namespace gatehouse::core {

/// Accepts connections and runs their requests.
///
/// Silent connections are parked in one epoll set and cost no thread. A few threads poll; one that
/// gets a request runs it itself, and sees to it that somebody else polls only when it is about to
/// wait (leader/follower): so a request changes threads as rarely as can be, and one that waits for
/// nothing wakes nobody. Threads are added as requests need them; when there can be no more, the
/// last one runs no request but those that do not wait, and refuses the others.
class Server {
 public:
  /// `settings`: where to listen. Throws std::runtime_error if there are no descriptors.
  Server(const ServerSettings& settings, Log& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Control thread only:

  /// Takes the address. Throws std::runtime_error, whose text names it.
  void listen();
  /// "127.0.0.1:3000", as it really is.
  std::string address() const;
  /// For requests that begin from now on.
  void use(std::shared_ptr<const Setup> setup);
  /// Throws std::runtime_error if there are no threads.
  void start();
  /// Several times a second: ends connections whose time is up.
  void tick();
  /// From now on: no new connections, and each answer is the last of its connection.
  void drain();
  std::size_t running() const { return running_; }
  std::size_t connections() const { return connections_; }
  bool draining() const { return draining_; }
  /// Wakes up every running request, to be ended with an error.
  void cancel();
  /// After drain(), when no request is running: ends what is left of connections, and all threads.
  void end();

 private:
  class Worker;
  void poll_and_run();
  Connection* next_connection();
  void handle(Connection* connection, bool& polling);
  Connection::Next serve_or_refuse(Connection& connection, bool& polling);
  void park(Connection* connection, Connection::Next next);
  void accept();
  void arm_listener(int operation);
  bool become_poller();
  void ensure_poller();
  bool leave_others();
  bool another_is_free();
  bool add_thread();
  std::shared_ptr<const Setup> setup();

  const std::string address_;
  const std::uint16_t port_;
  Log& log_;
  Poco::Net::ServerSocket listener_;
  EventFd stop_polling_, stop_requests_;
  int epoll_ = -1;
  Slots slots_;
  std::atomic<bool> draining_{false}, ending_{false}, accept_paused_{false};
  std::atomic<std::size_t> running_{0}, connections_{0};
  std::atomic<int> pollers_{0};
  std::atomic<int> free_{
      0};  // threads that run no request: never none, so that somebody can always poll
  const Surroundings surroundings_;

  std::mutex accept_mutex_;  // accepting against closing the listener
  Reminder cannot_accept_;   // guarded by accept_mutex_

  std::mutex setup_mutex_;
  std::shared_ptr<const Setup> setup_;  // guarded by setup_mutex_

  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;                         // a thread is on its way to poll; guarded by mutex_
  std::list<std::unique_ptr<Worker>> workers_;  // guarded by mutex_
  Reminder no_threads_;                         // guarded by mutex_
};

}  // namespace gatehouse::core
