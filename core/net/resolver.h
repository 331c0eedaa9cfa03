#pragma once

#include <Poco/Net/IPAddress.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/net/wait.h"

namespace gatehouse::core {

using Addresses = std::vector<Poco::Net::IPAddress>;

/// The addresses of a host name, best first (RFC 6724), at least one. They are remembered for a
/// minute. getaddrinfo() cannot be interrupted, so it runs on a thread of its own while the
/// request's thread waits as for anything else; requests for one name share one look-up. Any
/// thread.
Result<Addresses> resolve(const std::string& host, Waiter& waiter, Clock::time_point until);

/// The next resolve() of this host queries the name service again.
void forget(const std::string& host);

/// A name that always means this machine, whatever a name service returns (RFC 6761 6.3).
bool is_localhost(std::string_view name);

}  // namespace gatehouse::core
