// Certificates are not verified here. The connection cannot leave this machine, which is checked
// before TLS begins, so there is nobody in between; and after a renewal a gateway has another
// certificate than its file until the reload that is perhaps to be requested.

#include "core/net/connect_locally.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>

#include "core/net/tls.h"

namespace gatehouse::core {
namespace {

using Poco::Net::StreamSocket;

Result<StreamSocket> connect_unix(const std::string& path) {
  try {
    StreamSocket socket;
    socket.connectNB({Poco::Net::SocketAddress::UNIX_LOCAL, path});
    return socket;
  } catch (const Poco::Exception& e) {
    return Error{Error::unreachable, e.displayText()};
  }
}

/// Both ends of a connection have the same address only within one machine; 127.0.0.2 is reached
/// from 127.0.0.1.
bool stays_here(const StreamSocket& socket) {
  const auto peer = socket.peerAddress().host();
  return peer.isLoopback() || socket.address().host() == peer;
}

Result<StreamSocket> connect_tcp(std::string host, std::uint16_t port, Waiter& waiter,
                                 Clock::time_point until) {
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  auto socket = connect({host, port}, waiter, until);
  if (!socket || stays_here(*socket)) return socket;
  return Error{Error::unreachable, "this is the address of another machine: run the command there"};
}

}  // namespace

Result<StreamSocket> connect_locally(const Endpoint& server, const std::string& path,
                                     Waiter& waiter, Clock::time_point until) {
  auto socket =
      path.empty() ? connect_tcp(server.host, server.port, waiter, until) : connect_unix(path);
  if (!socket || !server.tls) return socket;
  const auto secured = start_local_tls(*socket, "localhost", waiter, until);
  return secured ? std::move(socket) : secured.error();
}

}  // namespace gatehouse::core
