#pragma once

#include <Poco/Net/StreamSocket.h>

#include <string_view>

#include "core/net/wait.h"

namespace gatehouse::core {

/// How reading from or writing to a socket ended.
enum class Io {
  ok,
  end,        ///< the peer closed its side properly
  broken,     ///< reset, or a TLS error
  timeout,    ///< as Wake
  gone,       ///< as Wake
  cancelled,  ///< as Wake
};

struct Read {
  Io how;
  std::size_t bytes = 0;
};

/// Reads what is there, waiting for the first byte at most until `until`. The socket, plain or TLS,
/// is non-blocking.
Read read_some(Poco::Net::StreamSocket& socket, char* to, std::size_t size, Waiter& waiter,
               Clock::time_point until);

/// Writes what is taken without waiting, from the front of `bytes`. False: the connection has
/// failed.
bool write_ready(Poco::Net::StreamSocket& socket, std::string_view& bytes);
/// Writes all of it; each wait for the peer lasts at most `patience`.
Io write_all(Poco::Net::StreamSocket& socket, std::string_view bytes, Waiter& waiter,
             Clock::duration patience);

/// As read_some(), without waiting: {ok, 0} when nothing is there.
Read read_ready(Poco::Net::StreamSocket& socket, char* to, std::size_t size);

}  // namespace gatehouse::core
