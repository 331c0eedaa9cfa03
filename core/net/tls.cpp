#include "core/net/tls.h"

#include <Poco/Net/NetSSL.h>
#include <Poco/Net/SSLManager.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <poll.h>

namespace gatehouse::core {
namespace {

using Poco::Net::Context;
using Poco::Net::SecureStreamSocket;

/// Accepts TLS 1.2 and newer only.
Context::Ptr context() {
  static const Context::Ptr context = [] {
    Poco::Net::initializeSSL();
    Context::Ptr c = new Context(Context::TLS_CLIENT_USE, "", "", "", Context::VERIFY_STRICT, 9,
                                 true, "HIGH:!aNULL");
    c->requireMinimumProtocol(Context::PROTO_TLSV1_2);
    return c;
  }();
  return context;
}

}  // namespace

Result<void> start_tls(Poco::Net::StreamSocket& socket, const std::string& host, Waiter& waiter,
                       Clock::time_point until) {
  try {
    SecureStreamSocket secure = SecureStreamSocket::attach(socket, host, context());
    for (int result; (result = secure.completeHandshake()) != 1;) {
      const short events = result == SecureStreamSocket::ERR_SSL_WANT_WRITE ? POLLOUT : POLLIN;
      const Wake wake = waiter.wait(secure.impl()->sockfd(), events, until);
      if (wake != Wake::ready)
        return as_error(wake, Error::connect_timeout, host + ": the TLS handshake timed out");
    }
    secure.verifyPeerCertificate();
    socket = secure;
    return {};
  } catch (const Poco::Exception& e) {
    return Error{Error::unreachable, host + ": " + e.displayText()};
  }
}

}  // namespace gatehouse::core
