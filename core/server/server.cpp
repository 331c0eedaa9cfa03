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
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>

#include "core/server/bind_check.h"

namespace gatehouse::core {
namespace {

// Reserved; a running chat touches 19 KiB, a document of the deepest nesting some 100 KiB, and
// plugins what they like of the rest.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kStackBytes = 8 << 20;  // frames are many times as large
#else
constexpr int kStackBytes = 1 << 20;
#endif
constexpr int kPollers = 2;  // more do not accept faster, and share the same queue
constexpr auto kSpareTime = std::chrono::seconds(30);  // after which a thread nobody needed ends
constexpr std::size_t kProbesBeyond = 64;              // the limit of running requests
const Failure kBusy{503, "overloaded",
                        "The gateway is running as many requests as it may: try again soon."};

/// As many descriptors as the system allows: two per stream.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  constexpr rlim_t kMost = 1 << 20;
  return static_cast<std::size_t>(std::min(limit.rlim_max, kMost));
}

/// Poco says it in another place than the standard library.
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

/// Until when each parked descriptor may stay so. Parked and running connections change places
/// without a lock: whoever takes the deadline out of the slot has the connection.
class Server::Slots {
 public:
  explicit Slots(std::size_t count)
      : count_(count),
        slots_(static_cast<std::atomic<std::int64_t>*>(std::calloc(count, sizeof(std::int64_t)))) {
    if (!slots_) throw std::bad_alloc();
  }

  bool has(int fd) const { return static_cast<std::size_t>(fd) < count_; }
  void park(int fd, Clock::time_point until, bool idle) {
    slots_[fd].store((until.time_since_epoch().count() & ~std::int64_t{1}) | (idle ? 1 : 0));
    int highest = highest_.load();
    while (fd > highest && !highest_.compare_exchange_weak(highest, fd)) {
    }
  }
  /// Only after an event for the parked descriptor: nobody else unparks it.
  void unpark(int fd) {
    for (std::int64_t seen = slots_[fd].load();;) {
      if (seen == kEnding) {  // end() is at it: wait for it, or it would end whoever gets this
                              // descriptor next
        std::this_thread::yield();
        seen = slots_[fd].load();
      } else if (slots_[fd].compare_exchange_weak(seen, kNone)) {
        return;
      }
    }
  }
  enum class Which { late, late_or_idle, all };
  /// Ends parked connections. Their events then close them as any other end of a connection.
  void end(Which which) {
    const std::int64_t now = Clock::now().time_since_epoch().count();
    for (int fd = 0; fd <= highest_.load(); ++fd) {
      std::int64_t seen = slots_[fd].load(std::memory_order_relaxed);
      const bool idle = seen & 1;
      if (seen == kNone || !(seen <= now || which == Which::all ||
                             (which == Which::late_or_idle && idle && !has_input(fd))))
        continue;
      if (!slots_[fd].compare_exchange_strong(seen, kEnding)) continue;
      ::shutdown(fd, SHUT_RDWR);
      slots_[fd].store(kNone);
    }
  }

 private:
  /// A request has come, and nobody has looked yet.
  static bool has_input(int fd) {
    char byte;
    return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  static constexpr std::int64_t kNone = 0, kEnding = 2;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  const std::size_t count_;
  std::unique_ptr<std::atomic<std::int64_t>[], Free>
      slots_;  // zeros of calloc(): a million of them take no memory until used
  std::atomic<int> highest_{0};
};

/// A thread that polls and runs requests.
class Server::Worker : private Poco::Runnable {
 public:
  explicit Worker(Server& server) : server_(server) { thread_.setStackSize(kStackBytes); }
  void start() { thread_.start(*this); }
  /// Waits for its end if it has not ended; it is then gone for good.
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
      slots_(std::make_unique<Slots>(raise_descriptor_limit())),
      surroundings_{stop_requests_.fd(), draining_, [this] { ensure_poller(); }} {
  if (epoll_ < 0)
    throw std::runtime_error(std::string("cannot watch connections: ") + std::strerror(errno));
}

Server::~Server() {
  end();
  ::close(epoll_);
}

void Server::end() {
  for (int tries = 0; connections_ > 0 && tries < 200; ++tries) {
    slots_->end(Slots::Which::all);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ending_ = true;
  stop_polling_.signal();
  {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  for (const auto& worker : workers_)
    worker->join();  // nobody adds one any more: there is no connection
  workers_.clear();
}

void Server::listen() {
  const std::string host =
      address_.find(':') == std::string::npos ? address_ : "[" + address_ + "]";
  const std::string name = host + ":" + std::to_string(port_);
  try {
    // Not SO_REUSEPORT: a second gateway must not share the address unseen.
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
  setup_.swap(setup);  // what was used is dropped without the lock
}

std::shared_ptr<const Setup> Server::setup() {
  const std::lock_guard lock(setup_mutex_);
  return setup_;
}

void Server::start() {
  epoll_event stop{EPOLLIN, {.ptr = &stop_polling_}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_polling_.fd(), &stop);
  arm_listener(EPOLL_CTL_ADD);
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < kPollers; ++i) add_thread();
  if (workers_.empty()) throw std::runtime_error("cannot serve: no thread could be started");
}

void Server::tick() {
  ensure_poller();  // for plugins that compute for long, or wait where the core does not see it
  slots_->end(draining_ ? Slots::Which::late_or_idle : Slots::Which::late);
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(workers_,
                  [](const auto& worker) { return worker->has_ended() && (worker->join(), true); });
  }
  if (accept_paused_.exchange(false) && !draining_) arm_listener(EPOLL_CTL_MOD);
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

/// False: there are enough.
bool Server::become_poller() {
  for (int n = pollers_.load(); n < kPollers;) {
    if (pollers_.compare_exchange_weak(n, n + 1)) return true;
  }
  return false;
}

/// What a thread does all its life.
void Server::poll_and_run() {
  while (!ending_) {
    if (!become_poller()) {
      std::unique_lock lock(mutex_);
      const bool needed = wake_.wait_for(lock, kSpareTime, [this] { return wanted_ || ending_; });
      if (!needed && leave_others()) return;
      if (needed) wanted_ = false;
      continue;
    }
    for (bool polling = true; polling && !ending_;) {
      try {
        if (Connection* const connection = next_connection()) handle(connection, polling);
      } catch (const std::exception& e) {  // no memory, most likely: the thread goes on
        log_.write(Level::kError, {}, {}, std::string("a connection was lost: ") + e.what());
      }
    }
  }
}

/// Waits for an event. Null: it was not a connection's.
Connection* Server::next_connection() {
  epoll_event event;
  if (::epoll_wait(epoll_, &event, 1, -1) != 1) return nullptr;
  if (event.data.ptr == this) {
    accept();
    return nullptr;
  }
  if (event.data.ptr == &stop_polling_) return nullptr;
  auto* const connection = static_cast<Connection*>(event.data.ptr);
  slots_->unpark(connection->fd());
  return connection;
}

/// `polling`: whether this thread still counts as a poller.
void Server::handle(Connection* connection, bool& polling) {
  Connection::Next next;
  try {
    next = connection->receive();
    while (next == Connection::Next::run) next = serve_or_refuse(*connection, polling);
  } catch (const std::exception& e) {  // no memory, most likely: it costs this connection only
    log_.write(Level::kError, {}, {}, std::string("a connection failed: ") + e.what());
    next = Connection::Next::close;
  }
  park(connection, next);
}

Connection::Next Server::serve_or_refuse(Connection& connection, bool& polling) {
  const auto current = setup();
  const Counted running(running_);
  const auto is_probe = [&] { return current->handler->is_probe(connection.head()); };
  const std::size_t most = current->settings.max_running;
  const auto refuse = [&] { return connection.refuse(kBusy, *current); };
  if (running.before >= most && !(running.before < most + kProbesBeyond && is_probe()))
    return refuse();
  if (!another_is_free()) return is_probe() ? connection.serve(*current) : refuse();

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
  slots_->park(fd, connection->deadline(next, setup()->settings), idle);
  epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, {.ptr = connection}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Server::accept() {
  const std::lock_guard lock(accept_mutex_);
  if (draining_) return;
  try {
    std::unique_ptr<Connection> connection;
    {
      Poco::Net::SocketAddress peer;
      Poco::Net::StreamSocket socket = listener_.acceptConnection(peer);
      socket.setBlocking(false);
      connection =
          std::make_unique<Connection>(std::move(socket), peer.host().toString(), surroundings_);
    }
    const int fd = connection->fd();
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (slots_->has(fd)) {
      ++connections_;
      slots_->park(fd, Clock::now() + setup()->settings.head_timeout, true);
      epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, {.ptr = connection.get()}};
      if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) {
        (void)connection.release();
      } else {  // the limit of the system for watched descriptors, or no memory
        slots_->unpark(fd);
        --connections_;
      }
    }
  } catch (const std::exception& e) {
    accept_paused_ =
        true;  // no descriptors left, most likely: tick() goes on, when some may have come back
    if (cannot_accept_.due())
      log_.write(Level::kWarn, {}, {}, "connections have to wait: none can be accepted: " + why(e));
    return;
  }
  arm_listener(EPOLL_CTL_MOD);
}

/// Somebody must poll while the caller waits.
void Server::ensure_poller() {
  if (pollers_ > 0) return;
  const std::lock_guard lock(mutex_);
  if (pollers_ > 0 || wanted_) return;
  wanted_ = true;  // a free thread that is no spare yet sees it, or polls anyway
  wake_.notify_one();
}

/// Makes the calling thread, which is free, one that is not. False: it is the last.
bool Server::leave_others() {
  for (int n = free_; n > 1;) {
    if (free_.compare_exchange_weak(n, n - 1)) return true;
  }
  return false;
}

/// The same before a request is run, for which a thread is added if need be. False: there can be
/// none.
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
      log_.write(Level::kError, {}, {},
                 "no thread could be started, and requests that need one are refused: " + why(e));
    }
    return false;
  }
}

}  // namespace gatehouse::core
