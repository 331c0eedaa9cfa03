#include "core/server/listener.h"

#include <stdexcept>

namespace gatehouse::core {
namespace {

std::string section_of(const ListenSettings& settings) {
  return settings.pointer.substr(0, settings.pointer.find('/', 1));
}

/// Takes the sockets out of `open` that are bound where `wanted` is; none: it is new.
ListeningSockets take(const ListenSettings& wanted, Listeners& open) {
  ListeningSockets out;
  const bool is_any_port = wanted.systemd.empty() && wanted.path.empty() && wanted.port == 0;
  std::erase_if(open, [&](const Listener& listener) {
    if (listener.settings.name() != wanted.name()) return false;
    // The same text may stand for several ports, each of which is one entry's.
    if (is_any_port && (!out.empty() || section_of(listener.settings) != section_of(wanted)))
      return false;
    out.push_back(listener.socket);
    return true;
  });
  return out;
}

ListeningSockets sockets_of(const Listeners& listeners) {
  ListeningSockets out;
  for (const Listener& listener : listeners) out.push_back(listener.socket);
  return out;
}

}  // namespace

Listeners open_listeners(const std::vector<ListenSettings>& wanted, const Listeners& open,
                         const Config& config, Gateway& gateway, Problems& problems) {
  Listeners out, left = open;
  for (const ListenSettings& settings : wanted) {
    try {
      ListeningSockets sockets = take(settings, left);
      for (const auto& socket : sockets) socket->set_rights(settings);
      if (sockets.empty()) sockets = ListeningSocket::bind(settings, sockets_of(open));
      std::shared_ptr<ListenerTls> tls;
      if (!settings.certificates.empty()) {
        tls = std::make_shared<ListenerTls>(settings.certificates, gateway.log, gateway.metrics);
      }
      for (auto& socket : sockets) out.push_back({settings, std::move(socket), tls});
    } catch (const std::exception& e) {
      problems.add(config.place(settings.pointer), e.what());
    }
  }
  return out;
}

std::string addresses_of(const Listeners& listeners) {
  std::string out;
  for (const Listener& listener : listeners)
    out.append(out.empty() ? "" : ", ").append(listener.socket->address());
  return out;
}

}  // namespace gatehouse::core
