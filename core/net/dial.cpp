#include "core/net/dial.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace gatehouse::core {
namespace {

using Poco::Net::SocketAddress;
using Poco::Net::StreamSocket;

// RFC 8305 5: the recommended Connection Attempt Delay.
constexpr auto kDelay = std::chrono::milliseconds(250);

/// The connection attempts in progress.
class Attempts {
 public:
  void begin(const SocketAddress& address) {
    try {
      StreamSocket socket;
      socket.connectNB(address);
      ::fcntl(socket.impl()->sockfd(), F_SETFD, FD_CLOEXEC);
      socket.setNoDelay(true);
      fds_[all_.size()] = {socket.impl()->sockfd(), POLLOUT, 0};
      all_.push_back({address, std::move(socket)});
    } catch (const Poco::Exception& e) {
      record(address, e.displayText());
    }
  }
  Wake wait(Waiter& waiter, Clock::time_point until) {
    return waiter.wait(fds_, all_.size(), until);
  }
  /// The first that is connected. Drops those that have failed.
  std::optional<StreamSocket> connected() {
    std::size_t left = 0;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const int error = fds_[i].revents ? all_[i].socket.impl()->socketError() : 0;
      if (fds_[i].revents && !error) return all_[i].socket;
      if (error) {
        record(all_[i].address, std::strerror(error));
      } else {
        fds_[left] = fds_[i];
        std::swap(all_[left++], all_[i]);
      }
    }
    all_.resize(left);
    return std::nullopt;
  }
  void time_out() {
    for (const Attempt& attempt : all_) record(attempt.address, "connection timed out");
  }
  bool none() const { return all_.empty(); }
  bool full() const { return all_.size() == Waiter::kMostFds; }
  /// How each attempt that has ended has failed.
  const std::string& errors() const { return errors_; }

 private:
  struct Attempt {
    SocketAddress address;
    StreamSocket socket;
  };

  void record(const SocketAddress& address, std::string_view error) {
    errors_.append(errors_.empty() ? "" : "; ");
    errors_.append(address.toString()).append(": ").append(error);
  }

  std::string errors_;
  std::vector<Attempt> all_;
  pollfd fds_[Waiter::kMostFds];  // of all_
};

/// When the next of `waiting` addresses is tried even if no attempt has failed.
Clock::time_point next_attempt(Clock::time_point until, std::ptrdiff_t waiting) {
  const auto now = Clock::now();
  return now + std::min<Clock::duration>(kDelay, (until - now) / (waiting + 1));
}

}  // namespace

Result<StreamSocket> dial(const Addresses& addresses, std::uint16_t port, Waiter& waiter,
                          Clock::time_point until) {
  Attempts attempts;
  for (auto next = addresses.begin(); next != addresses.end() || !attempts.none();) {
    if (next != addresses.end() && !attempts.full()) attempts.begin({*next++, port});
    if (attempts.none()) continue;
    const auto waiting = attempts.full() ? 0 : addresses.end() - next;
    const Wake wake = attempts.wait(waiter, waiting > 0 ? next_attempt(until, waiting) : until);
    const bool is_late = wake == Wake::timeout && Clock::now() >= until;
    if (is_late) attempts.time_out();
    if (is_late || wake == Wake::gone || wake == Wake::cancelled)
      return as_error(wake, Error::connect_timeout, attempts.errors());
    if (auto socket = attempts.connected()) return *std::move(socket);
  }
  return Error{Error::unreachable, attempts.errors()};
}

}  // namespace gatehouse::core
