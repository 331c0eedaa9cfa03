#include "core/net/tls.h"

#include <Poco/Net/NetSSL.h>
#include <Poco/Net/SSLManager.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <poll.h>

namespace gatehouse::core {
namespace {

using Poco::Net::Context;
using Poco::Net::SecureStreamSocket;

/// Anything older than TLS 1.2 is refused.
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

Wake start_tls(Poco::Net::StreamSocket& socket, const std::string& host, Waiter& waiter,
               Clock::time_point until) {
  SecureStreamSocket secure = SecureStreamSocket::attach(socket, host, context());
  for (;;) {
    const int result = secure.completeHandshake();
    if (result == 1) break;
    const short events = result == SecureStreamSocket::ERR_SSL_WANT_WRITE ? POLLOUT : POLLIN;
    if (const Wake wake = waiter.wait(secure.impl()->sockfd(), events, until); wake != Wake::ready)
      return wake;
  }
  secure.verifyPeerCertificate();
  socket = secure;
  return Wake::ready;
}

}  // namespace gatehouse::core
