#include "core/server/server.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Runnable.h>
#include <Poco/Thread.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <thread>

namespace gatehouse::core {
namespace {

// Reserved; a running chat touches 19 KiB, a document of the deepest nesting some 100 KiB, and plugins what they like of the rest.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kStackBytes = 8 << 20;  // frames are many times as large
#else
constexpr int kStackBytes = 1 << 20;
#endif
constexpr int kPollers = 2;                         // more do not accept faster, and share the same queue
constexpr auto kSpareTime = std::chrono::seconds(30);  // after which a thread nobody needed ends
constexpr Refusal kBusy{503, "overloaded", "The gateway is running as many requests as it may: try again soon."};

/// As many descriptors as the system allows: two per stream.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  constexpr rlim_t kMost = 1 << 20;
  return static_cast<std::size_t>(std::min(limit.rlim_max, kMost));
}

void signal(int eventfd) {
  const std::uint64_t one = 1;
  (void)!::write(eventfd, &one, sizeof one);
}

}  // namespace

/// Until when each parked descriptor may stay so. Parked and running connections change places without a lock: whoever
/// takes the deadline out of the slot has the connection.
class Server::Slots {
 public:
  explicit Slots(std::size_t count) : count_(count), slots_(static_cast<std::atomic<std::int64_t>*>(std::calloc(count, sizeof(std::int64_t)))) {
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
      if (seen == kEnding) {  // end() is at it: wait for it, or it would end whoever gets this descriptor next
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
      if (seen == kNone || !(seen <= now || which == Which::all || (which == Which::late_or_idle && idle && !has_input(fd)))) continue;
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
  std::unique_ptr<std::atomic<std::int64_t>[], Free> slots_;  // zeros of calloc(): a million of them take no memory until used
  std::atomic<int> highest_{0};
};

/// A thread that polls and runs requests.
class Server::Worker : private Poco::Runnable {
 public:
  explicit Worker(Server& server) : server_(server) {
    thread_.setStackSize(kStackBytes);
  }
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

Server::Server(const ServerSettings& settings, Log& log, Run run, Refused refused)
    : settings_(settings),
      log_(log),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stop_polling_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      stop_requests_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      slots_(std::make_unique<Slots>(raise_descriptor_limit())),
      surroundings_{settings_, stop_requests_, draining_, [this] { ensure_poller(); }, std::move(run), std::move(refused)} {}

Server::~Server() {
  for (int tries = 0; connections_ > 0 && tries < 200; ++tries) {
    slots_->end(Slots::Which::all);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ending_ = true;
  signal(stop_polling_);
  {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  for (const auto& worker : workers_) worker->join();  // nobody adds one any more: there is no connection
  ::close(epoll_);
  ::close(stop_polling_);
  ::close(stop_requests_);
}

void Server::listen() {
  const std::string host = settings_.address.find(':') == std::string::npos ? settings_.address : "[" + settings_.address + "]";
  const std::string name = host + ":" + std::to_string(settings_.port);
  try {
    listener_.bind(Poco::Net::SocketAddress(settings_.address, settings_.port), true, false);  // not SO_REUSEPORT: a second gateway must not share it unseen
    listener_.listen(1024);
    listener_.setNoDelay(true);  // accepted connections inherit it
    ::fcntl(listener_.impl()->sockfd(), F_SETFD, FD_CLOEXEC);
  } catch (const Poco::Exception& e) {
    throw std::runtime_error("cannot listen on " + name + ": " + e.displayText());
  }
}

std::string Server::address() const { return listener_.address().toString(); }

void Server::use(std::shared_ptr<const Pipeline> pipeline) {
  const std::lock_guard lock(pipeline_mutex_);
  if (pipeline_) retired_.push_back(std::move(pipeline_));
  pipeline_ = std::move(pipeline);
}

std::shared_ptr<const Pipeline> Server::pipeline() {
  const std::lock_guard lock(pipeline_mutex_);
  return pipeline_;
}

void Server::start() {
  epoll_event stop{EPOLLIN, {.ptr = &stop_polling_}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_polling_, &stop);
  arm_listener(EPOLL_CTL_ADD);
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < kPollers; ++i) add_thread();
}

void Server::tick() {
  ensure_poller();  // for plugins that compute for long, or wait where the core does not see it
  slots_->end(draining_ ? Slots::Which::late_or_idle : Slots::Which::late);
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(workers_, [](const auto& worker) { return worker->has_ended() && (worker->join(), true); });
  }
  std::erase_if(retired_, [](const auto& pipeline) { return pipeline.use_count() == 1; });
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

void Server::cancel() { signal(stop_requests_); }

/// False: there are enough.
bool Server::become_poller() {
  for (int n = pollers_.load(); n < kPollers;) {
    if (pollers_.compare_exchange_weak(n, n + 1)) return true;
  }
  return false;
}

/// What a thread does all its life.
void Server::poll_and_run() {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = false;
  }
  for (;;) {
    if (!become_poller()) {
      std::unique_lock lock(mutex_);
      ++spares_;
      const bool needed = wake_.wait_for(lock, kSpareTime, [this] { return wanted_ || ending_; });
      --spares_;
      if (!needed || ending_) break;
      wanted_ = false;
      continue;
    }
    bool polling = true;
    while (polling) {
      try {
        Connection* const connection = next_connection();
        if (ending_) break;
        if (connection) handle(connection, polling);
      } catch (const std::exception& e) {  // no memory, most likely: the thread goes on
        log_.write(Level::kError, {}, {}, std::string("a connection was lost: ") + e.what());
      }
    }
    if (ending_) break;
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
  auto next = connection->receive();
  if (next == Connection::Next::run) {
    if (running_.fetch_add(1) < settings_.max_running) {
      polling = false;
      --pollers_;
      try {
        next = connection->serve([this] { return pipeline(); });
      } catch (const std::exception& e) {  // no memory, most likely: it costs this connection only
        log_.write(Level::kError, {}, {}, std::string("a connection failed: ") + e.what());
        next = Connection::Next::close;
      }
    } else {
      next = connection->refuse(kBusy, *pipeline());
    }
    --running_;
  }
  park(connection, next);
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
  slots_->park(fd, connection->deadline(next), idle);
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
      connection = std::make_unique<Connection>(std::move(socket), peer.host().toString(), surroundings_);
    }
    const int fd = connection->fd();
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (slots_->has(fd)) {
      ++connections_;
      slots_->park(fd, Clock::now() + settings_.head_timeout, true);
      epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, {.ptr = connection.get()}};
      if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) {
        (void)connection.release();
      } else {  // the limit of the system for watched descriptors, or no memory
        slots_->unpark(fd);
        --connections_;
      }
    }
  } catch (const std::exception&) {
    accept_paused_ = true;  // no descriptors left, most likely: tick() goes on, when some may have come back
    return;
  }
  arm_listener(EPOLL_CTL_MOD);
}

/// Somebody must poll while the caller waits.
void Server::ensure_poller() {
  if (pollers_ > 0) return;
  const std::lock_guard lock(mutex_);
  if (pollers_ > 0 || wanted_) return;
  wanted_ = true;
  if (spares_ > 0) {
    wake_.notify_one();
  } else {
    add_thread();
  }
}

/// With mutex_ held.
void Server::add_thread() {
  workers_.push_back(std::make_unique<Worker>(*this));
  try {
    workers_.back()->start();
  } catch (const Poco::Exception& e) {  // no more threads: those that run will poll when they are done
    log_.write(Level::kError, {}, {}, "no thread could be started: " + e.displayText());
    workers_.pop_back();
    wanted_ = false;
  }
}

}  // namespace gatehouse::core
