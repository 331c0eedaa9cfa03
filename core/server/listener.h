#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/host/gateway.h"
#include "core/server/listener_tls.h"
#include "core/server/listening_socket.h"

namespace gatehouse::core {

/// A socket of a server, and how it is configured, which a reload may change.
struct Listener {
  ListenSettings settings;
  std::shared_ptr<const ListeningSocket> socket;
  std::shared_ptr<ListenerTls> tls;  // null: without
};
using Listeners = std::vector<Listener>;

/// Opens the addresses `wanted` by `config`. Those among `open`, which this gateway has open, keep
/// their sockets. Reports what cannot be opened in `problems`.
Listeners open_listeners(const std::vector<ListenSettings>& wanted, const Listeners& open,
                         const Config& config, Gateway& gateway, Problems& problems);

/// "127.0.0.1:3000, unix:/path", with the ports that were bound.
std::string addresses_of(const Listeners& listeners);

}  // namespace gatehouse::core
