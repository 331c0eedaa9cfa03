#pragma once

#include <Poco/Net/IPAddress.h>
#include <Poco/Net/StreamSocket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/net/wait.h"

namespace gatehouse::core {

/// A connection to the first of `addresses` that takes one (RFC 8305 5): the next is tried when one
/// has failed, and beside those that have not answered after 250 ms. So a dead address costs no
/// more than that.
///
/// Nothing, with `why` set, when none takes one; `wake` says how the wait ended.
std::optional<Poco::Net::StreamSocket> dial(const std::vector<Poco::Net::IPAddress>& addresses,
                                            std::uint16_t port, Waiter& waiter,
                                            Clock::time_point until, Wake& wake, std::string& why);

}  // namespace gatehouse::core
