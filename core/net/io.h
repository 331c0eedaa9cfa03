#pragma once

#include <Poco/Net/StreamSocket.h>

#include <string>
#include <string_view>

#include "core/net/wait.h"

namespace gatehouse::core {

/// The sockets here, plain or TLS, are non-blocking. Errors are gone, cancelled, timeout and
/// broken: the connection was reset, or TLS failed.

/// What has arrived, at most kMostRead bytes, waiting for the first one at most until `until`.
/// Empty: the peer has closed its side properly. It stands in a buffer of the thread, until the
/// caller waits or reads again.
Result<std::string_view> read_some(Poco::Net::StreamSocket& socket, Waiter& waiter,
                                   Clock::time_point until);
/// The same without waiting: a timeout if nothing has arrived.
Result<std::string_view> read_ready(Poco::Net::StreamSocket& socket);
inline constexpr std::size_t kMostRead = 64 << 10;
/// The peer has neither closed an idle connection nor sent anything on it.
bool is_quiet(Poco::Net::StreamSocket& socket);

/// Writes all of `bytes`; each wait for the peer lasts at most `patience`.
Result<void> write_all(Poco::Net::StreamSocket& socket, std::string_view bytes, Waiter& waiter,
                       Clock::duration patience);
/// Tells the peer that nothing follows. False: the connection was reset.
bool end_output(Poco::Net::StreamSocket& socket);
/// Writes as much as the socket takes without waiting, from the front of `bytes`, which it removes.
Result<void> write_ready(Poco::Net::StreamSocket& socket, std::string_view& bytes);

}  // namespace gatehouse::core
