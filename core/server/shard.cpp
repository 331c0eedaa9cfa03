// The mechanism: a connection is parked while it is silent. When something has arrived, the loop
// calls receive(), which takes it without waiting. Once a request can begin, it runs on a fiber of
// this loop, or, if a plugin of its pipeline blocks or its body is large, on a thread of its own
// that then gives the connection back. The socket stays registered with the loop all the time, and
// the loop remembers that more has arrived: so whoever parks a connection looks whether it has to
// go on at once.
#include "core/server/shard.h"

#include <sys/socket.h>

#include <system_error>
#include <utility>

namespace gatehouse::core {
namespace {

constexpr std::size_t kMaxExtraProbes = 64;  // above max_running
constexpr int kMostPieces = 4;  // of kMostRead that one client sends before others have their turn
const Failure kBusy{503, "overloaded", "The gateway is at its request limit; try again shortly."};

/// A request has arrived and is not yet being read.
bool has_input(int fd) {
  char byte;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

}  // namespace

Shard::Shard(const ShardContext& context) : context_(context), loop_(context.accept) {}

bool Shard::Client::is_ready() const {
  return awaits == Next::wait_to_write ? watch->may_write() : watch->may_read();
}

void Shard::start() {
  thread_ = std::thread([this] { run(); });
}

void Shard::run() {
  stop_.emplace(&loop_, context_.server.stop_fd);
  loop_.run();
}

void Shard::end() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

void Shard::close(Which which) {
  loop_.post([this, which] {
    const auto now = Clock::now();
    for (auto next = clients_.begin(); next != clients_.end();) close_if(which, *next++, now);
  });
}

/// It then ends as if the client had left.
void Shard::close_if(Which which, Client& client, Clock::time_point now) {
  if (!client.is_parked) return;
  const int fd = client.connection->fd();
  const bool is_idle = client.awaits == Next::wait_for_request;
  const bool is_meant = which == Which::all || client.until <= now ||
                        (which == Which::late_or_idle && is_idle && !has_input(fd));
  if (!is_meant) return;
  ::shutdown(fd, SHUT_RDWR);
  receive(client);
}

bool Shard::is_polling() {
  loop_.post([this] { has_pulse_ = true; });
  return has_pulse_.exchange(false);
}

void Shard::add(std::unique_ptr<Connection> connection) {
  ++connections_;
  if (Loop::of_thread() == &loop_) return adopt(std::move(connection));
  loop_.post([this, one = std::make_shared<std::unique_ptr<Connection>>(std::move(connection))] {
    adopt(std::move(*one));
  });
}

void Shard::adopt(std::unique_ptr<Connection> connection) {
  Client& client = clients_.emplace_back(std::move(connection));
  client.self = std::prev(clients_.end());
  client.watch.emplace(&loop_, client.connection->fd(), [this, &client] {
    if (client.is_parked && client.is_ready()) receive(client);
  });
  // Without: no memory, or the system's limit of watched descriptors.
  go_on(client, client.watch->is_on() ? Next::wait_for_request : Next::close);
}

void Shard::receive(Client& client) {
  client.is_parked = false;
  go_on(client, attempt([&] { return client.connection->receive(); }));
}

/// Does what is next until the connection is parked or closed, or a request of it runs.
void Shard::go_on(Client& client, Next next) {
  for (int pieces = 0;;) {
    if (next == Next::run) {
      std::optional<Next> after;
      next = attempt([&] {
        after = begin(client);
        return after.value_or(Next::run);
      });
      if (next == Next::run && !after) return;
      continue;
    }
    const bool is_over =
        next == Next::close || (next == Next::wait_for_request && context_.server.draining);
    if (is_over) return remove(client);
    park(client, next);
    if (!client.is_ready()) return;
    client.is_parked = false;
    if (++pieces > kMostPieces) return loop_.post([this, &client] { receive(client); });
    next = attempt([&] { return client.connection->receive(); });
  }
}

void Shard::park(Client& client, Next next) {
  client.awaits = next;
  client.until = client.connection->deadline(next, context_.setup()->settings);
  client.is_parked = true;
}

void Shard::remove(Client& client) {
  clients_.erase(client.self);
  --connections_;
}

/// Begins the request that has arrived. Nullopt: it runs; else what is next instead.
std::optional<Connection::Next> Shard::begin(Client& client) {
  Connection& connection = *client.connection;
  const auto setup = context_.setup();
  const auto is_probe = [&] { return setup->handler->is_probe(connection.head()); };
  const std::size_t before = context_.running, most = setup->settings.max_running;
  if (before >= most && !(before < most + kMaxExtraProbes && is_probe()))
    return connection.reject(kBusy, *setup);
  if (setup->handler->may_block() || connection.has_large_body()) {
    if (run_on_thread(client, setup)) return std::nullopt;
    if (no_threads_.due())
      context_.log.error("cannot start a thread: requests that need one are rejected");
    if (!is_probe()) return connection.reject(kBusy, *setup);
  }
  if (run_on_fiber(client, setup)) return std::nullopt;
  return connection.reject(kBusy, *setup);
}

bool Shard::run_on_fiber(Client& client, const std::shared_ptr<const Setup>& setup) {
  const bool is_started = loop_.start([this, &client, setup] {
    end_request(client, attempt([&] { return client.connection->serve(*setup); }));
  });
  if (is_started) count(1);
  return is_started;
}

bool Shard::run_on_thread(Client& client, const std::shared_ptr<const Setup>& setup) {
  count(1);  // before its end can be counted
  const bool is_started = context_.threads.run([this, &client, setup] {
    const Next next = attempt([&] { return client.connection->serve(*setup); });
    loop_.post([this, &client, next] { end_request(client, next); });
  });
  if (!is_started) count(-1);
  return is_started;
}

void Shard::end_request(Client& client, Next next) {
  count(-1);
  go_on(client, next);
}

void Shard::count(int begun) {
  running_ += static_cast<std::size_t>(begun);
  context_.running += static_cast<std::size_t>(begun);
}

/// What the step returns. An exception, most likely for want of memory, costs this connection only.
Connection::Next Shard::attempt(const std::function<Next()>& step) const {
  try {
    return step();
  } catch (const std::exception& e) {
    context_.log.error("a connection failed", {{"reason", e.what()}});
    return Next::close;
  }
}

}  // namespace gatehouse::core
