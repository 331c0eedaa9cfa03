#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>

#include "core/log/log.h"
#include "core/log/reminder.h"
#include "core/net/loop.h"
#include "core/server/connection.h"
#include "core/server/threads.h"

namespace gatehouse::core {

/// What the shards of a server share.
struct ShardContext {
  Log& log;
  const ServerContext& server;
  const std::function<std::shared_ptr<const Setup>()> setup;  // of requests that begin now
  const std::function<void(int listener)> accept;             // a socket may have a connection
  std::atomic<std::size_t>& running;                          // requests of all shards
  Threads& threads;                                           // for requests of plugins that block
};

/// One of the loops of a server, with its thread and the connections that it has for their whole
/// lives: parked while they are silent, which costs no stack, on a fiber while a request runs.
class Shard {
 public:
  /// Throws std::system_error if there are no descriptors.
  explicit Shard(const ShardContext& context);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Any thread:
  Loop& loop() { return loop_; }
  const Loop& loop() const { return loop_; }
  std::size_t running() const { return running_; }
  std::size_t connections() const { return connections_; }
  /// From now on it has this connection.
  void add(std::unique_ptr<Connection> connection);

  // Control thread:
  /// Throws std::system_error if there is no thread.
  void start();
  enum class Which { late, late_or_idle, all };
  /// Closes parked connections.
  void close(Which which);
  /// Whether its thread has polled since the last call, which woke it for that.
  bool is_polling();
  /// After the last connection.
  void end();

 private:
  struct Client {
    explicit Client(std::unique_ptr<Connection> of) : connection(std::move(of)) {}
    bool is_ready() const;

    const std::unique_ptr<Connection> connection;
    std::optional<Watch> watch{};  // before its descriptor may be another's, it ends
    std::list<Client>::iterator self{};
    bool is_parked = false;
    Connection::Next awaits{};
    Clock::time_point until{};
  };
  using Next = Connection::Next;

  void run();
  void adopt(std::unique_ptr<Connection> connection);
  void receive(Client& client);
  void go_on(Client& client, Next next);
  std::optional<Next> begin(Client& client);
  bool run_on_fiber(Client& client, const std::shared_ptr<const Setup>& setup);
  bool run_on_thread(Client& client, const std::shared_ptr<const Setup>& setup);
  void end_request(Client& client, Next next);
  void count(int begun);
  void park(Client& client, Next next);
  void remove(Client& client);
  void close_if(Which which, Client& client, Clock::time_point now);
  Next attempt(const std::function<Next()>& step) const;

  const ShardContext& context_;
  Loop loop_;
  std::optional<Watch> stop_;  // so that waits notice it
  std::list<Client> clients_;
  Reminder no_threads_;
  std::atomic<std::size_t> running_{0}, connections_{0};
  std::atomic<bool> has_pulse_{true};
  std::thread thread_;
};

}  // namespace gatehouse::core
