#include "core/net/io.h"

#include <Poco/Exception.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "core/net/loop.h"
#include "core/net/tls.h"

namespace gatehouse::core {
namespace {

constexpr std::string_view kSlowRead = "timed out while reading";
constexpr std::string_view kSlowWrite = "timed out while writing";

/// What a non-blocking call that returned `result` < 0 waits for: TLS may have to write in order to
/// read.
short events_after(int result, short usual) {
  return result == Poco::Net::SecureStreamSocket::ERR_SSL_WANT_WRITE ? POLLOUT : usual;
}

/// What one non-blocking call returns: a number of bytes, or a negative number if it would block.
template <class Transfer>
Result<int> attempt(const Poco::Net::StreamSocket& socket, Transfer&& transfer) {
  try {
    if (socket.secure()) forget_tls_errors();
    return transfer();
  } catch (const Poco::Exception& e) {
    // Poco 1.11 throws when the buffer of a non-blocking plain socket is full.
    if (e.code() == EAGAIN) return -1;
    return Error{Error::broken, e.displayText()};
  }
}

Result<int> receive(Poco::Net::StreamSocket& socket, char* to, std::size_t size) {
  auto n = attempt(socket, [&] { return socket.receiveBytes(to, static_cast<int>(size)); });
  // A short read has taken all that there was; TLS reads in records.
  const bool is_short = n && *n > 0 && static_cast<std::size_t>(*n) < size && !socket.secure();
  if (is_short || (n && *n < 0))
    Watch::note_end(socket.impl()->sockfd(), is_short ? POLLIN : events_after(*n, POLLIN));
  return n;
}

/// Not on the stack, whose pages a waiting request keeps.
char* buffer_of_thread() {
  static thread_local const std::unique_ptr<char[]> buffer(new char[kMostRead]);
  return buffer.get();
}

Result<int> send(Poco::Net::StreamSocket& socket, std::string_view bytes) {
  auto n = attempt(socket, [&] {
    return socket.sendBytes(bytes.data(), static_cast<int>(bytes.size()), MSG_NOSIGNAL);
  });
  if (n && *n < 0) Watch::note_end(socket.impl()->sockfd(), events_after(*n, POLLOUT));
  return n;
}

/// What reading would wait for; nothing, if it may find something.
short obstacle(Poco::Net::StreamSocket& socket) {
  return socket.secure() || Watch::may_read(socket.impl()->sockfd()) ? 0 : POLLIN;
}

}  // namespace

Result<std::string_view> read_some(Poco::Net::StreamSocket& socket, Waiter& waiter,
                                   Clock::time_point until) {
  if (const Wake wake = waiter.glance(until); wake != Wake::ready)
    return as_error(wake, Error::timeout, kSlowRead);
  short wanted = obstacle(socket);
  for (bool yielded = false;;) {
    if (!wanted) {
      char* const buffer = buffer_of_thread();
      const auto n = receive(socket, buffer, kMostRead);
      if (!n) return n.error();
      if (*n >= 0) return std::string_view(buffer, static_cast<std::size_t>(*n));
      if (!Loop::of_fiber() && !std::exchange(yielded, true)) {
        // On a busy machine the process that feeds this socket often waits for the processor.
        // Letting it run first brings fewer, larger pieces and saves half of the sleeps and
        // wake-ups; on an idle machine this costs a microsecond.
        ::sched_yield();
        continue;
      }
      wanted = events_after(*n, POLLIN);
    }
    const Wake wake = waiter.wait(socket.impl()->sockfd(), wanted, until);
    if (wake != Wake::ready) return as_error(wake, Error::timeout, kSlowRead);
    wanted = 0;
  }
}

Result<std::string_view> read_ready(Poco::Net::StreamSocket& socket) {
  char* const buffer = buffer_of_thread();
  const auto n = receive(socket, buffer, kMostRead);
  if (!n) return n.error();
  if (*n < 0) return Error{Error::timeout, "nothing has arrived"};
  return std::string_view(buffer, static_cast<std::size_t>(*n));
}

bool is_quiet(Poco::Net::StreamSocket& socket) {
  char byte;
  const auto n = receive(socket, &byte, 1);
  return n && *n < 0;
}

Result<void> write_all(Poco::Net::StreamSocket& socket, std::string_view bytes, Waiter& waiter,
                       Clock::duration patience) {
  while (!bytes.empty()) {
    if (const Wake wake = waiter.glance(); wake != Wake::ready)
      return as_error(wake, Error::timeout, kSlowWrite);
    const auto n = send(socket, bytes);
    if (!n) return n.error();
    if (*n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(*n));
      continue;
    }
    const Wake wake =
        waiter.wait(socket.impl()->sockfd(), events_after(*n, POLLOUT), Clock::now() + patience);
    if (wake != Wake::ready) return as_error(wake, Error::timeout, kSlowWrite);
  }
  return {};
}

bool end_output(Poco::Net::StreamSocket& socket) {
  if (socket.secure()) {
    const auto sent = attempt(socket, [&] {
      socket.shutdown();  // sends close_notify only, as the socket is non-blocking
      return 0;
    });
    if (!sent) return false;
  }
  return ::shutdown(socket.impl()->sockfd(), SHUT_WR) == 0;
}

Result<void> write_ready(Poco::Net::StreamSocket& socket, std::string_view& bytes) {
  while (!bytes.empty()) {
    const auto n = send(socket, bytes);
    if (!n) return n.error();
    if (*n < 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(*n));
  }
  return {};
}

}  // namespace gatehouse::core
