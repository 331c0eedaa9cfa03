#include "core/server/server.h"

#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

// The mechanism: each shard has a loop on a thread of its own. All loops watch the listening
// sockets, and the one that is woken accepts a connection and gives it to the shard with the least
// to do, which has it until its end. So nothing that belongs to a request changes threads. A shard
// whose thread is kept by a plugin gets no connections as long as there is another.

namespace gatehouse::core {
namespace {

constexpr auto kStall = std::chrono::milliseconds(20);

/// To what the system allows: a stream needs two descriptors.
void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// The address of a peer, as logs name it.
std::string address_of(const sockaddr* peer, socklen_t size) {
  return peer->sa_family == AF_UNIX ? std::string(kUnixPeer)
                                    : Poco::Net::SocketAddress(peer, size).host().toString();
}

}  // namespace

Server::Server(Log& log, Metrics& metrics, std::size_t loops)
    : log_(log),
      metrics_(metrics),
      context_{stop_requests_.fd(), draining_,
               [this](const std::string& reason, std::string_view peer, std::string_view detail) {
                 count_rejected(reason, peer, detail);
               }},
      shard_context_{log,      context_, [this] { return setup(); }, [this](int fd) { accept(fd); },
                     running_, threads_} {
  raise_descriptor_limit();
  for (std::size_t i = 0; i < loops; ++i)
    shards_.push_back(std::make_unique<Shard>(shard_context_));
}

Server::~Server() { end(); }

void Server::end() {
  for (int tries = 0; connections() > 0 && tries < 200; ++tries) {
    for (const auto& shard : shards_) shard->close(Shard::Which::all);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (const auto& shard : shards_) shard->end();
  shards_.clear();
}

std::size_t Server::connections() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->connections();
  return sum;
}

void Server::listen(Listeners listeners) {
  const std::lock_guard lock(accept_mutex_);
  const auto is_in = [](const Listeners& all, const Listener& listener) {
    return std::any_of(all.begin(), all.end(),
                       [&](const Listener& other) { return other.socket == listener.socket; });
  };
  for (const Listener& old : listeners_) {
    if (is_in(listeners, old)) continue;
    accept_waiting(old);
    ignore(old);
  }
  for (const Listener& fresh : listeners) {
    if (!accept_paused_ && !is_in(listeners_, fresh)) watch(fresh);
  }
  listeners_ = std::move(listeners);
}

void Server::watch(const Listener& listener) {
  for (const auto& shard : shards_) (void)shard->loop().listen(listener.socket->fd());
}

void Server::ignore(const Listener& listener) {
  for (const auto& shard : shards_) shard->loop().ignore(listener.socket->fd());
}

void Server::use(std::shared_ptr<const Setup> setup) {
  const std::lock_guard lock(setup_mutex_);
  setup_.swap(setup);  // the previous one is dropped without the lock
}

std::shared_ptr<const Setup> Server::setup() {
  const std::lock_guard lock(setup_mutex_);
  return setup_;
}

void Server::start() {
  const std::lock_guard lock(accept_mutex_);  // the first ones may accept already
  std::string why;
  std::erase_if(shards_, [&](const auto& shard) {
    try {
      shard->start();
      return false;
    } catch (const std::system_error& e) {
      why = e.what();
      return true;
    }
  });
  if (shards_.empty())
    throw std::runtime_error("cannot serve: no thread could be started (" + why +
                             "): raise the limit of threads");
}

void Server::tick() {
  for (const auto& shard : shards_)
    shard->close(draining_ ? Shard::Which::late_or_idle : Shard::Which::late);
  {
    const std::lock_guard lock(accept_mutex_);
    if (std::exchange(accept_paused_, false)) {
      for (const Listener& listener : listeners_) watch(listener);
    }
  }
  // Without the lock, since it reads files; only this thread changes the listeners.
  for (const Listener& listener : listeners_) {
    if (listener.tls) listener.tls->tick();
  }
}

bool Server::is_polling() {
  bool any = false;
  for (const auto& shard : shards_) any = shard->is_polling() || any;
  return any;
}

void Server::drain() {
  draining_ = true;
  listen({});
  tick();
}

void Server::cancel() { stop_requests_.signal(); }

void Server::accept(int listener_fd) {
  const std::lock_guard lock(accept_mutex_);
  const auto listener = std::find_if(listeners_.begin(), listeners_.end(), [&](const Listener& l) {
    return l.socket->fd() == listener_fd;
  });
  if (listener == listeners_.end()) return;
  try {
    (void)accept_one(*listener);
  } catch (const std::exception& e) {  // most likely out of memory
    log_.error("a connection was lost", {{"reason", e.what()}});
  }
}

/// Takes the connections that wait at a socket that is about to be closed, which would reset them.
void Server::accept_waiting(const Listener& listener) {
  // Those at a socket of systemd wait for the next process.
  if (listener.settings.systemd.empty()) {
    while (accept_one(listener)) {
    }
  }
}

/// With accept_mutex_ held. Returns false if no connection waits, or it must go on waiting.
bool Server::accept_one(const Listener& listener) {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  auto* const address = reinterpret_cast<sockaddr*>(&from);
  const int fd = ::accept4(listener.socket->fd(), address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    if (error == ECONNABORTED || error == EINTR) return true;
    if (error != EAGAIN) pause(error);
    return false;
  }
  Poco::Net::StreamSocket socket(new Poco::Net::StreamSocketImpl(fd));
  socket.setBlocking(false);
  const std::string peer = address_of(address, size);
  if (!may_connect(listener, peer)) return true;
  least_busy().add(std::make_unique<Connection>(socket, peer, opening_of(listener), context_));
  return true;
}

/// With accept_mutex_ held. Most likely no descriptors are left: tick() tries again.
void Server::pause(int error) {
  accept_paused_ = true;
  for (const Listener& listener : listeners_) ignore(listener);
  if (cannot_accept_.due())
    log_.warn("cannot accept connections: they have to wait", {{"reason", std::strerror(error)}});
}

/// The fewest running requests count first, then the fewest connections.
Shard& Server::least_busy() {
  const auto load = [](const std::unique_ptr<Shard>& shard) {
    return std::tuple(shard->loop().stall() > kStall, shard->running(), shard->connections());
  };
  return **std::min_element(shards_.begin(), shards_.end(),
                            [&](const auto& a, const auto& b) { return load(a) < load(b); });
}

/// Only a trusted proxy may name other clients.
bool Server::may_connect(const Listener& listener, const std::string& peer) {
  if (!listener.settings.proxy_protocol) return true;
  if (setup()->settings.trusted_proxies.contain(plain_address(peer))) return true;
  count_rejected("proxy_untrusted", peer, "");
  if (untrusted_.due())
    log_.warn("a connection to a listener with proxy_protocol is not from a trusted proxy",
              {{"peer", peer}});
  return false;
}

/// Null: connections begin with a request.
std::unique_ptr<Opening> Server::opening_of(const Listener& listener) {
  const bool has_proxy_header = listener.settings.proxy_protocol;
  if (!has_proxy_header && !listener.tls) return nullptr;
  const auto tls = listener.tls ? listener.tls->current() : nullptr;
  const auto deadline = Clock::now() + setup()->settings.head_timeout;
  return std::make_unique<Opening>(has_proxy_header, tls, deadline);
}

/// Of a connection that ends before its first request.
void Server::count_rejected(const std::string& reason, std::string_view peer,
                            std::string_view detail) {
  metrics_.record(metrics_.series(Metrics::kCounter, "gatehouse_connections_rejected_total",
                                  "Connections that were closed before their first request.",
                                  {{"reason", reason}}),
                  1);
  if (!log_.enabled(Level::kDebug)) return;
  log_.write(Level::kDebug, {}, {}, "a connection was rejected",
             Log::text_of({{"reason", reason}, {"peer", peer}, {"detail", detail}}));
}

}  // namespace gatehouse::core
