#include "core/server/opening.h"

#include <Poco/Exception.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "core/http/client_address.h"
#include "core/http/proxy_header.h"
#include "core/net/loop.h"
#include "core/net/tls.h"

namespace gatehouse::core {

using Poco::Net::SecureStreamSocket;

Opening::Step Opening::advance(Poco::Net::StreamSocket& socket, std::string& peer) {
  if (has_proxy_header_) {
    const Step step = read_proxy_header(socket.impl()->sockfd(), peer);
    if (step != Step::done) return step;
    has_proxy_header_ = false;
  }
  if (!tls_) return Step::done;
  return socket.secure() ? handshake(socket) : begin_tls(socket);
}

/// Takes no byte beyond the header: TLS reads what follows from the socket itself.
Opening::Step Opening::read_proxy_header(int fd, std::string& peer) {
  char bytes[1024];
  const auto n = ::recv(fd, bytes, sizeof bytes, MSG_PEEK);
  if (n < 0 && errno == EAGAIN) return wait(fd, POLLIN);
  if (n <= 0) return fail("proxy", "the connection ended before a header of the PROXY protocol");
  const std::size_t before = proxy_header_.size();
  proxy_header_.append(bytes, static_cast<std::size_t>(n));
  const auto header = parse_proxy_header(proxy_header_);
  if (!header) return fail("proxy", "the connection begins without a header of the PROXY protocol");
  const bool is_complete = header->size > 0;
  const auto used = is_complete ? header->size - before : static_cast<std::size_t>(n);
  if (::recv(fd, bytes, used, 0) != static_cast<ssize_t>(used))
    return fail("proxy", "the connection was reset");
  if (!is_complete) return Step::wait_for_input;
  if (!header->client.empty()) peer = plain_address(header->client);
  return Step::done;
}

Opening::Step Opening::begin_tls(Poco::Net::StreamSocket& socket) {
  char first;
  const int fd = socket.impl()->sockfd();
  const auto n = ::recv(fd, &first, 1, MSG_PEEK);
  if (n < 0 && errno == EAGAIN) return wait(fd, POLLIN);
  if (n <= 0) return fail("tls", "the connection ended before a handshake");
  // TLS begins with 0x16, a request with the name of its method.
  is_plain_ = first >= 'A' && first <= 'Z';
  if (is_plain_) return Step::done;
  socket = tls_->secure(socket);
  return handshake(socket);
}

Opening::Step Opening::handshake(Poco::Net::StreamSocket& socket) {
  const int fd = socket.impl()->sockfd();
  try {
    forget_tls_errors();
    switch (SecureStreamSocket(socket).completeHandshake()) {
      case 1: return Step::done;
      case SecureStreamSocket::ERR_SSL_WANT_READ: return wait(fd, POLLIN);
      case SecureStreamSocket::ERR_SSL_WANT_WRITE: return wait(fd, POLLOUT);
      default: return fail("tls", "the connection ended during the handshake");
    }
  } catch (const Poco::Exception& e) {
    return fail("tls", e.displayText());
  }
}

/// Nothing more can be done now.
Opening::Step Opening::wait(int fd, short event) {
  Watch::note_end(fd, event);
  return event == POLLIN ? Step::wait_for_input : Step::wait_for_output;
}

Opening::Step Opening::fail(const std::string& stage, std::string detail) {
  failure_ = stage + (Clock::now() < deadline_ ? "_failed" : "_timeout");
  detail_ = std::move(detail);
  return Step::failed;
}

}  // namespace gatehouse::core
