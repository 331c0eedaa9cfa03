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

constexpr auto kPatience =
    std::chrono::milliseconds(250);  // RFC 8305 5: the recommended Connection Attempt Delay

/// The attempts that are on.
class Attempts {
 public:
  explicit Attempts(std::string& why) : why_(why) {}

  void begin(const SocketAddress& address) {
    try {
      StreamSocket socket;
      socket.connectNB(address);
      ::fcntl(socket.impl()->sockfd(), F_SETFD, FD_CLOEXEC);
      socket.setNoDelay(true);
      fds_[all_.size()] = {socket.impl()->sockfd(), POLLOUT, 0};
      all_.push_back({address, std::move(socket)});
    } catch (const Poco::Exception& e) {
      explain(address, e.displayText());
    }
  }
  Wake wait(Waiter& waiter, Clock::time_point until) {
    return waiter.wait(fds_, all_.size(), until);
  }
  /// The first that is connected; forgets those that have failed.
  std::optional<StreamSocket> connected() {
    std::size_t left = 0;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const int error = fds_[i].revents ? all_[i].socket.impl()->socketError() : 0;
      if (fds_[i].revents && !error) return all_[i].socket;
      if (error) {
        explain(all_[i].address, std::strerror(error));
      } else {
        fds_[left] = fds_[i];
        std::swap(all_[left++], all_[i]);
      }
    }
    all_.resize(left);
    return std::nullopt;
  }
  void give_up() {
    for (const Attempt& attempt : all_) explain(attempt.address, "no connection in time");
  }
  bool none() const { return all_.empty(); }
  bool full() const { return all_.size() == Waiter::kMostFds; }

 private:
  struct Attempt {
    SocketAddress address;
    StreamSocket socket;
  };

  void explain(const SocketAddress& address, std::string_view how) {
    why_.append(why_.empty() ? "" : "; ").append(address.toString()).append(": ").append(how);
  }

  std::string& why_;
  std::vector<Attempt> all_;
  pollfd fds_[Waiter::kMostFds];  // of all_
};

}  // namespace

std::optional<StreamSocket> dial(const std::vector<Poco::Net::IPAddress>& addresses,
                                 std::uint16_t port, Waiter& waiter, Clock::time_point until,
                                 Wake& wake, std::string& why) {
  wake = Wake::ready;
  Attempts attempts(why);
  for (auto next = addresses.begin(); !(attempts.none() && next == addresses.end());) {
    if (next != addresses.end() && !attempts.full()) attempts.begin({*next++, port});
    if (attempts.none()) continue;
    const bool more = next != addresses.end() && !attempts.full();
    const auto patience = more ? std::min(until, Clock::now() + kPatience) : until;
    // Until one has failed, which makes room for the next, or the next may begin anyway.
    wake = attempts.wait(waiter, patience);
    if (wake == Wake::gone || wake == Wake::cancelled) return std::nullopt;
    if (wake == Wake::timeout && Clock::now() >= until) {
      attempts.give_up();
      return std::nullopt;
    }
    if (auto socket = attempts.connected()) return socket;
  }
  wake = Wake::ready;
  return std::nullopt;
}

}  // namespace gatehouse::core
