#include "core/net/connect.h"

#include "core/net/dial.h"
#include "core/net/resolver.h"
#include "core/net/tls.h"

namespace gatehouse::core {

namespace {

using Poco::Net::StreamSocket;

Result<StreamSocket> dial_name(const std::string& host, std::uint16_t port, Waiter& waiter,
                               Clock::time_point until) {
  const auto addresses = resolve(host, waiter, until);
  if (!addresses) return addresses.error();
  return dial(*addresses, port, waiter, until);
}

Result<StreamSocket> dial_proxy(const Proxy& proxy, const Endpoint& server, Waiter& waiter,
                                Clock::time_point until) {
  auto socket = dial_name(proxy.host, proxy.port, waiter, until);
  if (!socket) return Error{socket.error().kind, "the proxy " + socket.error().detail};
  if (!server.tls) return socket;
  const auto opened = open_tunnel(*socket, proxy, server, waiter, until);
  return opened ? std::move(socket) : opened.error();
}

}  // namespace

Result<StreamSocket> connect(const Endpoint& server, Waiter& waiter, Clock::time_point until,
                             const std::optional<Proxy>& proxy) {
  auto socket = proxy ? dial_proxy(*proxy, server, waiter, until)
                      : dial_name(server.host, server.port, waiter, until);
  if (!socket || !server.tls) return socket;
  if (const auto secured = start_tls(*socket, server.host, waiter, until); !secured)
    return secured.error();
  return socket;
}

}  // namespace gatehouse::core
