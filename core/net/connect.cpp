#include "core/net/connect.h"

#include "core/net/dial.h"
#include "core/net/resolver.h"
#include "core/net/tls.h"

namespace gatehouse::core {

Result<Poco::Net::StreamSocket> connect(const Endpoint& server, Waiter& waiter,
                                        Clock::time_point until) {
  const auto addresses = resolve(server.host, waiter, until);
  if (!addresses) return addresses.error();
  auto socket = dial(*addresses, server.port, waiter, until);
  if (!socket || !server.tls) return socket;
  if (const auto secured = start_tls(*socket, server.host, waiter, until); !secured)
    return secured.error();
  return socket;
}

}  // namespace gatehouse::core
