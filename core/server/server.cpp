#include "core/server/server.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <Poco/Runnable.h>
#include <Poco/Thread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

// The mechanism: silent connections are parked in one epoll set and cost no thread. A few threads
// poll; one that gets a request runs it itself, and makes sure that another thread polls only when
// it is about to wait (leader/follower). So a request changes threads as rarely as possible, and
// one that never waits wakes nobody. Each descriptor is armed for one event (EPOLLONESHOT): the
// thread that gets that event has the connection to itself until it parks it again. The event of a
// listener carries its descriptor, not a pointer, as it may be gone by then. Threads are
// added as requests need them and end when they were not needed for kSpareTime; when no more can be
// started, the last free one runs only probes, which do not wait, and rejects other requests.

// ThreadSanitizer does not know that EPOLL_CTL_MOD and epoll_wait() order what two threads do to a
// connection.
#if defined(__SANITIZE_THREAD__)
extern "C" {
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#else
#define __tsan_acquire(connection)
#define __tsan_release(connection)
#endif

namespace gatehouse::core {
namespace {

// Reserved, not used: a running chat touches 19 KiB, a document of the deepest nesting about
// 100 KiB, and plugins may use the rest.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kStackBytes = 8 << 20;  // frames are many times as large
#else
constexpr int kStackBytes = 1 << 20;
#endif
constexpr int kPollers = 2;  // more do not accept faster, and share the same queue
constexpr auto kSpareTime = std::chrono::seconds(30);
constexpr std::size_t kMaxExtraProbes = 64;  // above max_running
const Failure kBusy{503, "overloaded", "The gateway is at its request limit; try again shortly."};

/// Raises the limit to what the system allows: a stream needs two descriptors.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  constexpr rlim_t kMost = 1 << 20;
  return static_cast<std::size_t>(std::min(limit.rlim_max, kMost));
}

/// The event of a listener has its descriptor above this bit, that of a connection a pointer.
constexpr std::uint64_t kOfListener = 1;

/// Poco's what() is only the name of the class.
std::string why(const std::exception& e) {
  const auto* const poco = dynamic_cast<const Poco::Exception*>(&e);
  return poco ? poco->displayText() : e.what();
}

/// The address of a peer, as logs name it.
std::string address_of(const sockaddr* peer, socklen_t size) {
  return peer->sa_family == AF_UNIX ? std::string(kUnixPeer)
                                    : Poco::Net::SocketAddress(peer, size).host().toString();
}

/// One more for as long as this lives.
class Counted {
 public:
  explicit Counted(std::atomic<std::size_t>& count) : before(count++), count_(count) {}
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;

  const std::size_t before;

 private:
  std::atomic<std::size_t>& count_;
};

}  // namespace

/// A thread that polls and runs requests.
class Server::Worker : private Poco::Runnable {
 public:
  explicit Worker(Server& server) : server_(server) { thread_.setStackSize(kStackBytes); }
  void start() { thread_.start(*this); }
  void join() { thread_.join(); }
  bool has_ended() const { return ended_; }

 private:
  void run() override {
    server_.poll_and_run();
    ended_ = true;
  }

  Server& server_;
  std::atomic<bool> ended_{false};
  Poco::Thread thread_;
};

Server::Server(Log& log, Metrics& metrics)
    : log_(log),
      metrics_(metrics),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      slots_(raise_descriptor_limit()),
      context_{stop_requests_.fd(), draining_, [this] { ensure_poller(); },
               [this](const std::string& reason, std::string_view peer, std::string_view detail) {
                 count_rejected(reason, peer, detail);
               }} {
  if (epoll_ < 0)
    throw std::runtime_error(std::string("cannot watch connections: ") + std::strerror(errno));
}

Server::~Server() {
  end();
  ::close(epoll_);
}

void Server::end() {
  for (int tries = 0; connections_ > 0 && tries < 200; ++tries) {
    slots_.close(Slots::Which::all);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ending_ = true;
  stop_polling_.signal();
  {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  // Without the lock: without connections no thread is added any more.
  for (const auto& worker : workers_) worker->join();
  workers_.clear();
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
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, old.socket->fd(), nullptr);
  }
  for (const Listener& fresh : listeners) {
    if (!is_in(listeners_, fresh)) arm(fresh, EPOLL_CTL_ADD);
  }
  listeners_ = std::move(listeners);
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
  epoll_event stop{EPOLLIN, {.ptr = &stop_polling_}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_polling_.fd(), &stop);
  epoll_event pulse{EPOLLIN | EPOLLET, {.ptr = &pulse_}};  // wakes one thread, not all
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, pulse_.fd(), &pulse);
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < kPollers; ++i) add_thread();
  if (workers_.empty())
    throw std::runtime_error(
        "cannot serve: no thread could be started: raise the limit of threads");
}

void Server::tick() {
  ensure_poller();  // for plugins that compute for long, or wait where the core does not see it
  slots_.close(draining_ ? Slots::Which::late_or_idle : Slots::Which::late);
  join_ended_threads();
  if (accept_paused_.exchange(false)) arm_listeners();
  for (const Listener& listener : listeners_) {
    if (listener.tls) listener.tls->tick();
  }
}

bool Server::is_polling() {
  const bool had_pulse = has_pulse_.exchange(false);
  pulse_.signal();
  return had_pulse;
}

void Server::join_ended_threads() {
  const std::lock_guard lock(mutex_);
  std::erase_if(workers_, [](const auto& worker) {
    if (!worker->has_ended()) return false;
    worker->join();
    return true;
  });
}

void Server::arm(const Listener& listener, int operation) {
  const auto fd = static_cast<std::uint64_t>(listener.socket->fd());
  epoll_event event{EPOLLIN | EPOLLONESHOT, {.u64 = fd << 1 | kOfListener}};
  ::epoll_ctl(epoll_, operation, listener.socket->fd(), &event);
}

void Server::arm_listeners() {
  const std::lock_guard lock(accept_mutex_);
  for (const Listener& listener : listeners_) arm(listener, EPOLL_CTL_MOD);
}

void Server::drain() {
  draining_ = true;
  listen({});
  tick();
}

void Server::cancel() { stop_requests_.signal(); }

/// Returns false if enough threads poll already.
bool Server::become_poller() {
  for (int n = pollers_.load(); n < kPollers;) {
    if (pollers_.compare_exchange_weak(n, n + 1)) return true;
  }
  return false;
}

/// The life of a thread.
void Server::poll_and_run() {
  while (!ending_) {
    if (become_poller()) {
      poll_until_busy();
    } else if (!wait_until_wanted()) {
      return;
    }
  }
}

void Server::poll_until_busy() {
  for (bool polling = true; polling && !ending_;) {
    try {
      if (Connection* const connection = next_connection()) handle(connection, polling);
    } catch (const std::exception& e) {  // most likely out of memory: the thread lives on
      log_.error("a connection was lost", {{"reason", e.what()}});
    }
  }
}

/// Returns false if the thread has not been needed for so long that it should end.
bool Server::wait_until_wanted() {
  std::unique_lock lock(mutex_);
  const bool needed = wake_.wait_for(lock, kSpareTime, [this] { return wanted_ || ending_; });
  if (!needed) return !leave_others();
  wanted_ = false;
  return true;
}

/// Waits for an event. Returns null if it was not a connection's.
Connection* Server::next_connection() {
  epoll_event event;
  if (::epoll_wait(epoll_, &event, 1, -1) != 1) return nullptr;
  if (event.data.u64 & kOfListener) {
    accept(static_cast<int>(event.data.u64 >> 1));
    return nullptr;
  }
  if (event.data.ptr == &pulse_) has_pulse_ = true;
  if (event.data.ptr == &pulse_ || event.data.ptr == &stop_polling_) return nullptr;
  auto* const connection = static_cast<Connection*>(event.data.ptr);
  __tsan_acquire(connection);
  slots_.unpark(connection->fd());
  return connection;
}

/// `polling`: whether this thread still counts as a poller.
void Server::handle(Connection* connection, bool& polling) {
  Connection::Next next;
  try {
    next = connection->receive();
    while (next == Connection::Next::run) next = serve_or_reject(*connection, polling);
  } catch (const std::exception& e) {  // most likely out of memory: costs this connection only
    log_.error("a connection failed", {{"reason", e.what()}});
    next = Connection::Next::close;
  }
  park(connection, next);
}

Connection::Next Server::serve_or_reject(Connection& connection, bool& polling) {
  const auto current = setup();
  const Counted running(running_);
  const auto is_probe = [&] { return current->handler->is_probe(connection.head()); };
  const std::size_t most = current->settings.max_running;
  const bool is_beyond = running.before >= most;
  if (is_beyond && !(running.before < most + kMaxExtraProbes && is_probe()))
    return connection.reject(kBusy, *current);
  if (!another_is_free())
    return is_probe() ? connection.serve(*current) : connection.reject(kBusy, *current);

  struct Busy {  // this thread, which is free again however the request ends
    std::atomic<int>& free;
    ~Busy() { ++free; }
  } const busy{free_};
  if (std::exchange(polling, false)) --pollers_;
  return connection.serve(*current);
}

void Server::park(Connection* connection, Connection::Next next) {
  using Next = Connection::Next;
  const int fd = connection->fd();
  const bool idle = next == Next::wait_for_request;
  if (next == Next::close || (idle && draining_)) {
    delete connection;
    --connections_;
    return;
  }
  slots_.park(fd, connection->deadline(next, setup()->settings), idle);
  const std::uint32_t wanted = next == Next::wait_to_write ? EPOLLOUT : EPOLLIN;
  epoll_event event{wanted | EPOLLRDHUP | EPOLLONESHOT, {.ptr = connection}};
  __tsan_release(connection);
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Server::accept(int listener_fd) {
  const std::lock_guard lock(accept_mutex_);
  const auto listener = std::find_if(listeners_.begin(), listeners_.end(), [&](const Listener& l) {
    return l.socket->fd() == listener_fd;
  });
  if (listener == listeners_.end()) return;
  (void)accept_one(*listener);
  if (!accept_paused_) arm(*listener, EPOLL_CTL_MOD);
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
    if (error == EAGAIN) return false;
    accept_paused_ = true;  // most likely out of descriptors: tick() tries again
    if (cannot_accept_.due())
      log_.warn("cannot accept connections: they have to wait", {{"reason", std::strerror(error)}});
    return false;
  }
  Poco::Net::StreamSocket socket(new Poco::Net::StreamSocketImpl(fd));
  socket.setBlocking(false);
  const std::string peer = address_of(address, size);
  if (!may_connect(listener, peer)) return true;
  watch(std::make_unique<Connection>(std::move(socket), peer, opening_of(listener), context_));
  return true;
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

/// Parks a new connection, or closes it if it cannot be watched.
void Server::watch(std::unique_ptr<Connection> connection) {
  const int fd = connection->fd();
  if (!slots_.has(fd)) return;
  ++connections_;
  slots_.park(fd, connection->deadline(Connection::Next::wait_for_request, setup()->settings),
              true);
  epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, {.ptr = connection.get()}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) {
    (void)connection.release();  // owned by the thread that gets its event
    return;
  }
  slots_.unpark(fd);  // no memory, or the system's limit of watched descriptors
  --connections_;
}

/// Wakes a thread to poll if none does.
void Server::ensure_poller() {
  if (pollers_ > 0) return;
  const std::lock_guard lock(mutex_);
  if (pollers_ > 0 || wanted_) return;
  wanted_ = true;  // a free thread that is not waiting yet sees it, or polls anyway
  wake_.notify_one();
}

/// Counts the calling thread, which was free, as busy. Returns false if it is the last free one.
bool Server::leave_others() {
  for (int n = free_; n > 1;) {
    if (free_.compare_exchange_weak(n, n - 1)) return true;
  }
  return false;
}

/// The same before a request is run; adds a thread if this is the last free one. Returns false if
/// none can be started.
bool Server::another_is_free() {
  while (!leave_others()) {
    const std::lock_guard lock(mutex_);
    if (!add_thread()) return false;
  }
  return true;
}

/// With mutex_ held.
bool Server::add_thread() {
  workers_.push_back(std::make_unique<Worker>(*this));
  try {
    workers_.back()->start();
    ++free_;
    return true;
  } catch (const Poco::Exception& e) {
    workers_.pop_back();
    if (no_threads_.due()) {
      log_.error("cannot start a thread: requests that need one are rejected",
                 {{"reason", why(e)}});
    }
    return false;
  }
}

}  // namespace gatehouse::core
