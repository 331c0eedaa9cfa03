#pragma once

#include <Poco/Net/StreamSocket.h>

#include <string>

#include "core/net/connect.h"

namespace gatehouse::core {

/// A connection to a server on this machine: to a Unix socket, or if `path` is empty to the address
/// of `server`. Without verification of its certificate. An address of another machine is
/// unreachable; otherwise as connect().
Result<Poco::Net::StreamSocket> connect_locally(const Endpoint& server, const std::string& path,
                                                Waiter& waiter, Clock::time_point until);

}  // namespace gatehouse::core
