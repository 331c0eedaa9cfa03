#pragma once

#include <Poco/Net/StreamSocket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/net/proxy.h"

namespace gatehouse::core {

/// Where a server listens.
struct Endpoint {
  std::string host;  // a name or an address
  std::uint16_t port = 0;
  bool tls = false;
};

/// A non-blocking connection to `server`, established at most until `until`. Through a proxy, TLS
/// goes through a tunnel; without TLS the proxy itself is at the other end. Errors are gone,
/// cancelled, unreachable, proxy_refused and connect_timeout.
Result<Poco::Net::StreamSocket> connect(const Endpoint& server, Waiter& waiter,
                                        Clock::time_point until,
                                        const std::optional<Proxy>& proxy = {});

}  // namespace gatehouse::core
