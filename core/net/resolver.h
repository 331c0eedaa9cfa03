#pragma once

#include <Poco/Net/IPAddress.h>

#include <string>
#include <vector>

#include "core/net/wait.h"

namespace gatehouse::core {

/// The addresses of a host name, the best first (RFC 6724), kept for a minute. getaddrinfo() cannot
/// be interrupted, so it runs on a thread of its own and the request's thread waits as for anything
/// else; requests for one name share one look-up. Any thread.
///
/// Empty, with `why` set, when it failed; `wake` says how the wait ended.
std::vector<Poco::Net::IPAddress> resolve(const std::string& host, Waiter& waiter,
                                          Clock::time_point until, Wake& wake, std::string& why);

/// The next resolve() of this host asks the name service again.
void forget(const std::string& host);

}  // namespace gatehouse::core
