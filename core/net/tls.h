#pragma once

#include <Poco/Net/StreamSocket.h>

#include <string>

#include "core/net/wait.h"

namespace gatehouse::core {

/// Puts a connected socket under TLS with `host`, at most until `until`; unless this is Wake::ready
/// there is no connection. Names and certificates are checked against the system's authorities.
/// Throws Poco::Exception, which says why not.
Wake start_tls(Poco::Net::StreamSocket& socket, const std::string& host, Waiter& waiter,
               Clock::time_point until);

}  // namespace gatehouse::core
