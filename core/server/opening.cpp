#include "core/server/opening.h"

#include <Poco/Exception.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace gatehouse::core {

using Poco::Net::SecureStreamSocket;

Opening::Step Opening::advance(Poco::Net::StreamSocket& socket) {
  if (socket.secure()) return handshake(socket);
  return begin_tls(socket);
}

Opening::Step Opening::begin_tls(Poco::Net::StreamSocket& socket) {
  char first;
  const auto n = ::recv(socket.impl()->sockfd(), &first, 1, MSG_PEEK);
  if (n < 0 && errno == EAGAIN) return Step::wait_for_input;
  if (n <= 0) return fail("tls", "the connection ended before a handshake");
  // TLS begins with 0x16, a request with the name of its method.
  is_plain_ = first >= 'A' && first <= 'Z';
  if (is_plain_) return Step::done;
  socket = tls_->secure(socket);
  return handshake(socket);
}

Opening::Step Opening::handshake(Poco::Net::StreamSocket& socket) {
  try {
    switch (SecureStreamSocket(socket).completeHandshake()) {
      case 1: return Step::done;
      case SecureStreamSocket::ERR_SSL_WANT_READ: return Step::wait_for_input;
      case SecureStreamSocket::ERR_SSL_WANT_WRITE: return Step::wait_for_output;
      default: return fail("tls", "the connection ended during the handshake");
    }
  } catch (const Poco::Exception& e) {
    return fail("tls", e.displayText());
  }
}

Opening::Step Opening::fail(const std::string& stage, std::string detail) {
  ERR_clear_error();  // the next TLS connection of this thread must not find it
  failure_ = stage + (Clock::now() < deadline_ ? "_failed" : "_timeout");
  detail_ = std::move(detail);
  return Step::failed;
}

}  // namespace gatehouse::core
