#include "core/net/io.h"

#include <Poco/Exception.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace gatehouse::core {
namespace {

Io as_io(Wake wake) {
  switch (wake) {
    case Wake::ready: return Io::ok;
    case Wake::timeout: return Io::timeout;
    case Wake::gone: return Io::gone;
    case Wake::cancelled: return Io::cancelled;
  }
  return Io::broken;
}

/// What a non-blocking call that returned `result` < 0 waits for: TLS may have to write in order to
/// read.
short wanted(int result, short usual) {
  return result == Poco::Net::SecureStreamSocket::ERR_SSL_WANT_WRITE ? POLLOUT : usual;
}

/// The result of `transfer`: bytes, or negative when it would block; kBroken when the connection
/// has failed.
constexpr int kBroken = -100;
template <class F>
int attempt(F&& transfer) {
  try {
    return transfer();
  } catch (const Poco::Exception& e) {
    return e.code() == EAGAIN ? -1 : kBroken;  // Poco 1.11 throws when a plain socket takes no
                                               // more, even if it is non-blocking
  }
}

}  // namespace

Read read_ready(Poco::Net::StreamSocket& socket, char* to, std::size_t size) {
  const int n = attempt([&] { return socket.receiveBytes(to, static_cast<int>(size)); });
  if (n > 0) return {Io::ok, static_cast<std::size_t>(n)};
  return {n == 0 ? Io::end : n == kBroken ? Io::broken : Io::ok};
}

Read read_some(Poco::Net::StreamSocket& socket, char* to, std::size_t size, Waiter& waiter,
               Clock::time_point until) {
  if (const Io io = as_io(waiter.glance(until)); io != Io::ok) return {io};
  for (bool yielded = false;;) {
    const int n = attempt([&] { return socket.receiveBytes(to, static_cast<int>(size)); });
    if (n > 0) return {Io::ok, static_cast<std::size_t>(n)};
    if (n == 0) return {Io::end};
    if (n == kBroken) return {Io::broken};
    if (!std::exchange(yielded, true)) {
      // On a busy machine whoever feeds this socket often waits for the processor: what it has
      // leaves us in fewer, larger pieces, and half of the sleeps and wake-ups are saved. On an
      // idle one this costs a microsecond.
      ::sched_yield();
      continue;
    }
    const Io io = as_io(waiter.wait(socket.impl()->sockfd(), wanted(n, POLLIN), until));
    if (io != Io::ok) return {io};
  }
}

bool write_ready(Poco::Net::StreamSocket& socket, std::string_view& bytes) {
  while (!bytes.empty()) {
    const int n = attempt([&] {
      return socket.sendBytes(bytes.data(), static_cast<int>(bytes.size()), MSG_NOSIGNAL);
    });
    if (n < 0) return n != kBroken;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

Io write_all(Poco::Net::StreamSocket& socket, std::string_view bytes, Waiter& waiter,
             Clock::duration patience) {
  while (!bytes.empty()) {
    if (const Io io = as_io(waiter.glance()); io != Io::ok) return io;
    const int n = attempt([&] {
      return socket.sendBytes(bytes.data(), static_cast<int>(bytes.size()), MSG_NOSIGNAL);
    });
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (n == kBroken) return Io::broken;
    const Io io =
        as_io(waiter.wait(socket.impl()->sockfd(), wanted(n, POLLOUT), Clock::now() + patience));
    if (io != Io::ok) return io;
  }
  return Io::ok;
}

}  // namespace gatehouse::core
