#pragma once

#include <Poco/Net/ServerSocket.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/server/connection.h"

namespace gatehouse::core {

/// Accepts connections and runs their requests.
///
/// Silent connections are parked in one epoll set and cost no thread. A few threads poll; one that gets a request runs it
/// itself, and sees to it that somebody else polls only when it is about to wait (leader/follower): so a request changes
/// threads as rarely as can be, and one that waits for nothing wakes nobody. Threads are added as requests need them.
class Server {
 public:
  /// What runs a request in a pipeline: on many threads at once.
  using Run = std::function<gh_status(const Pipeline&, Exchange&, const gh_sink&)>;

  /// What is told of a request that the server answers itself: the same.
  using Refused = std::function<void(const Pipeline&, Exchange&)>;

  Server(const ServerSettings& settings, Log& log, Run run, Refused refused);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Control thread only:

  /// Takes the address. Throws std::runtime_error, whose text names it.
  void listen();
  /// "127.0.0.1:3000", as it really is.
  std::string address() const;
  /// The pipeline of requests that begin from now on. Keeps older ones until no request is in them.
  void use(std::shared_ptr<const Pipeline> pipeline);
  void start();
  /// Several times a second: ends connections whose time is up, destroys pipelines that are out of use.
  void tick();
  /// From now on: no new connections, and each answer is the last of its connection.
  void drain();
  std::size_t running() const { return running_; }
  std::size_t connections() const { return connections_; }
  bool draining() const { return draining_; }
  /// Wakes up every running request, to be ended with an error.
  void cancel();

 private:
  class Slots;
  class Worker;
  void poll_and_run();
  Connection* next_connection();
  void handle(Connection* connection, bool& polling);
  void park(Connection* connection, Connection::Next next);
  void accept();
  void arm_listener(int operation);
  bool become_poller();
  void ensure_poller();
  void add_thread();
  std::shared_ptr<const Pipeline> pipeline();

  const ServerSettings& settings_;
  Log& log_;
  Poco::Net::ServerSocket listener_;
  int epoll_ = -1, stop_polling_ = -1, stop_requests_ = -1;
  std::unique_ptr<Slots> slots_;
  std::atomic<bool> draining_{false}, ending_{false}, accept_paused_{false};
  std::atomic<std::size_t> running_{0}, connections_{0};
  std::atomic<int> pollers_{0};
  const Surroundings surroundings_;

  std::mutex accept_mutex_;  // accepting against closing the listener

  std::mutex pipeline_mutex_;
  std::shared_ptr<const Pipeline> pipeline_;  // guarded by pipeline_mutex_
  std::vector<std::shared_ptr<const Pipeline>> retired_;  // control thread

  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;                            // a thread is on its way to poll; guarded by mutex_
  std::size_t spares_ = 0;                         // threads that wait to poll; guarded by mutex_
  std::list<std::unique_ptr<Worker>> workers_;     // guarded by mutex_
};

}  // namespace gatehouse::core
