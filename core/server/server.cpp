#include "core/server/server.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Runnable.h>
#include <Poco/Thread.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

#include "core/server/bind_check.h"

// The mechanism: silent connections are parked in one epoll set and cost no thread. A few threads
// poll; one that gets a request runs it itself, and makes sure that another thread polls only when
// it is about to wait (leader/follower). So a request changes threads as rarely as possible, and
// one that never waits wakes nobody. Each descriptor is armed for one event (EPOLLONESHOT): the
// thread that gets that event has the connection to itself until it parks it again. Threads are
// added as requests need them and end when they were not needed for kSpareTime; when no more can be
// started, the last free one runs only probes, which do not wait, and rejects other requests.

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

/// Poco's what() is only the name of the class.
std::string why(const std::exception& e) {
  const auto* const poco = dynamic_cast<const Poco::Exception*>(&e);
  return poco ? poco->displayText() : e.what();
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

Server::Server(const ServerSettings& settings, Log& log)
    : address_(settings.address),
      port_(settings.port),
      log_(log),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      slots_(raise_descriptor_limit()),
      context_{stop_requests_.fd(), draining_, [this] { ensure_poller(); }} {
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

void Server::listen() {
  const std::string host =
      address_.find(':') == std::string::npos ? address_ : "[" + address_ + "]";
  const std::string name = host + ":" + std::to_string(port_);
  try {
    // Not SO_REUSEPORT: a second gateway must not share the address unnoticed.
    listener_.bind(Poco::Net::SocketAddress(address_, port_), true, false);
    listener_.listen(1024);
    listener_.setNoDelay(true);  // accepted connections inherit it
    ::fcntl(listener_.impl()->sockfd(), F_SETFD, FD_CLOEXEC);
  } catch (const Poco::Exception& e) {
    throw std::runtime_error("cannot listen on " + name + ": " + bind_failure(e));
  }
}

std::string Server::address() const { return listener_.address().toString(); }

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
  arm_listener(EPOLL_CTL_ADD);
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
  if (accept_paused_.exchange(false) && !draining_) arm_listener(EPOLL_CTL_MOD);
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

void Server::arm_listener(int operation) {
  epoll_event event{EPOLLIN | EPOLLONESHOT, {.ptr = this}};
  ::epoll_ctl(epoll_, operation, listener_.impl()->sockfd(), &event);
}

void Server::drain() {
  {
    const std::lock_guard lock(accept_mutex_);
    draining_ = true;
    listener_.close();
  }
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
  if (event.data.ptr == this) {
    accept();
    return nullptr;
  }
  if (event.data.ptr == &pulse_) has_pulse_ = true;
  if (event.data.ptr == &pulse_ || event.data.ptr == &stop_polling_) return nullptr;
  auto* const connection = static_cast<Connection*>(event.data.ptr);
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
  epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, {.ptr = connection}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Server::accept() {
  const std::lock_guard lock(accept_mutex_);
  if (draining_) return;
  try {
    Poco::Net::SocketAddress peer;
    Poco::Net::StreamSocket socket = listener_.acceptConnection(peer);
    socket.setBlocking(false);
    ::fcntl(socket.impl()->sockfd(), F_SETFD, FD_CLOEXEC);
    watch(std::make_unique<Connection>(std::move(socket), peer.host().toString(), context_));
  } catch (const std::exception& e) {
    accept_paused_ = true;  // most likely out of descriptors: tick() tries again
    if (cannot_accept_.due())
      log_.warn("cannot accept connections: they have to wait", {{"reason", why(e)}});
    return;
  }
  arm_listener(EPOLL_CTL_MOD);
}

/// Parks a new connection, or closes it if it cannot be watched.
void Server::watch(std::unique_ptr<Connection> connection) {
  const int fd = connection->fd();
  if (!slots_.has(fd)) return;
  ++connections_;
  slots_.park(fd, Clock::now() + setup()->settings.head_timeout, true);
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
