#pragma once

#include <Poco/Net/StreamSocket.h>

#include <string>

#include "core/net/wait.h"

namespace gatehouse::core {

/// Starts TLS with `host` on a connected socket, at most until `until`. The name and the
/// certificate are verified against the system's authorities. After an error the socket is useless.
Result<void> start_tls(Poco::Net::StreamSocket& socket, const std::string& host, Waiter& waiter,
                       Clock::time_point until);

}  // namespace gatehouse::core
