#pragma once

#include <Poco/Net/StreamSocket.h>

#include <cstdint>
#include <string>

#include "core/net/wait.h"

namespace gatehouse::core {

/// Where a server listens.
struct Endpoint {
  std::string host;  // a name or an address
  std::uint16_t port = 0;
  bool tls = false;
};

/// A non-blocking connection to `server`, established at most until `until`. Errors are gone,
/// cancelled, unreachable and connect_timeout.
Result<Poco::Net::StreamSocket> connect(const Endpoint& server, Waiter& waiter,
                                        Clock::time_point until);

}  // namespace gatehouse::core
