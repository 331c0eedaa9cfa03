#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace gatehouse::core {

/// The server's side of one connection. Blocking; gives up after five seconds, so that a test fails
/// instead of hanging.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {
    const timeval patience{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { ::close(fd_); }

  /// One request: its head and as much body as Content-Length says. Empty when the client has
  /// closed.
  std::string request() {
    std::string out;
    while (out.find("\r\n\r\n") == out.npos && more(out)) {
    }
    if (const auto at = out.find("Content-Length: "); at != out.npos) {
      const std::size_t size = out.find("\r\n\r\n") + 4 + std::stoul(out.substr(at + 16));
      while (out.size() < size && more(out)) {
      }
    }
    return out;
  }
  /// All that comes until the client closes.
  std::string rest() {
    std::string out;
    while (more(out)) {
    }
    return out;
  }
  /// False: the client has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// Waits for the client to close, and says whether it did.
  bool sees_end() {
    char byte;
    const auto n = ::recv(fd_, &byte, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);  // a reset, if it closed with something unread
  }
  /// Closing sends a reset.
  void reset_at_close() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  int fd() const { return fd_; }

 private:
  bool more(std::string& out) {
    char bytes[65536];
    const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n > 0) out.append(bytes, static_cast<std::size_t>(n));
    return n > 0;
  }

  const int fd_;
};

/// A listener on 127.0.0.1, or another address of this machine, on a free port unless one is given.
class Listener {
 public:
  explicit Listener(int backlog = 16, in_addr_t ip = INADDR_LOOPBACK, std::uint16_t port = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(ip);
    address.sin_port = htons(port);
    socklen_t size = sizeof address;
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(fd_, backlog) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no port on 127.0.0.1");
    }
    port_ = ntohs(address.sin_port);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(fd_); }

  int fd() const { return fd_; }
  std::string port() const { return std::to_string(port_); }
  std::uint16_t port_number() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + port(); }

 private:
  const int fd_;
  std::uint16_t port_ = 0;
};

/// A listener whose queue is full: the system accepts no further connection.
class FullListener : public Listener {
 public:
  FullListener() : Listener(0) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd(), reinterpret_cast<sockaddr*>(&address), &size);
    for (int& queued : queued_) {
      queued = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      (void)::connect(queued, reinterpret_cast<const sockaddr*>(&address), size);
    }
  }
  ~FullListener() {
    for (const int queued : queued_) ::close(queued);
  }

 private:
  int queued_[4];
};

/// A server that plays one script per connection, in the order in which they come; the connection
/// closes at its end.
class ScriptedServer : public Listener {
 public:
  using Script = std::function<void(Peer&)>;

  explicit ScriptedServer(std::vector<Script> scripts)
      : thread_([this, s = std::move(scripts)] { play(s); }) {}
  ~ScriptedServer() {
    ::shutdown(fd(), SHUT_RDWR);  // ends accept()
    thread_.join();
  }

  /// Waits until the first `count` connections are closed.
  void wait_for_end_of(int count) {
    std::unique_lock lock(mutex_);
    ended_changed_.wait_for(lock, std::chrono::seconds(5), [&] { return ended_ >= count; });
  }

 private:
  void play(const std::vector<Script>& scripts) {
    for (const Script& script : scripts) {
      const int connection = ::accept(fd(), nullptr, nullptr);
      if (connection < 0) return;
      {
        Peer peer(connection);
        script(peer);
      }
      const std::lock_guard lock(mutex_);
      ++ended_;
      ended_changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable ended_changed_;
  int ended_ = 0;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace gatehouse::core
