#pragma once

#include <Poco/Net/StreamSocket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/net/wait.h"

namespace gatehouse::core {

struct Endpoint;

/// An HTTP proxy between the gateway and an upstream.
struct Proxy {
  std::string host;
  std::uint16_t port = 80;
  std::string authorization = {};  // the value of Proxy-Authorization, a secret; empty: none

  /// "proxy.example:3128".
  std::string name() const;
};

/// Requests a tunnel to `server` from the proxy at the other end of `socket`, at most until `until`
/// (CONNECT, RFC 9110 9.3.6).
Result<void> open_tunnel(Poco::Net::StreamSocket& socket, const Proxy& proxy,
                         const Endpoint& server, Waiter& waiter, Clock::time_point until);

/// The error for a status with which the proxy itself has refused to reach `target`.
Error refusal(const Proxy& proxy, const std::string& target, int status);

/// Whether the server is reached without a proxy: this machine always is, others if the list has
/// the name, a domain around it, the address, a network such as 10.0.0.0/8, or `*`; a port limits
/// an entry to it.
bool is_direct(const Endpoint& server, const std::vector<std::string>& no_proxy);

}  // namespace gatehouse::core
