#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/http/client_address.h"
#include "core/net/certificate_files.h"
#include "core/net/connect.h"

namespace gatehouse::core {

using std::chrono::milliseconds;

// The defaults of all settings are in gateway.schema.json.

/// One address of `listen`: a host with a port, a path, or a name of systemd.
struct ListenSettings {
  std::string host;        // a name or an address
  std::uint16_t port = 0;  // 0: any free one
  std::string path;        // of a Unix socket
  std::string systemd;     // of sockets that systemd has opened

  std::uint32_t mode = 0660;                   // of the file of a Unix socket
  std::string user, group;                     // its owner; empty: those of the process
  std::vector<CertificateFiles> certificates;  // none: without TLS
  bool proxy_protocol = false;                 // connections begin with a header of a trusted proxy
  std::string pointer;                         // where it stands in the configuration

  /// As the configuration names it: "127.0.0.1:3000", "unix:/path", "systemd:NAME".
  std::string name() const {
    if (!systemd.empty()) return "systemd:" + systemd;
    if (!path.empty()) return "unix:" + path;
    const bool is_v6 = host.find(':') != host.npos;
    return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
  /// Other machines can reach it, as far as this is known: only systemd knows its addresses.
  bool is_exposed() const {
    if (!path.empty()) return false;
    // Digits and dots alone: a name may begin with "127." as well.
    const bool is_ipv4 = host.find_first_not_of("0123456789.") == host.npos;
    return !(host == "localhost" || host == "::1" || (is_ipv4 && host.starts_with("127."))) ||
           !systemd.empty();
  }
};

/// `server:` of the configuration.
struct ServerSettings {
  std::vector<ListenSettings> listen;
  std::vector<std::string> hosts;  // names accepted in Host besides addresses and localhost
  Networks trusted_proxies;
  std::size_t max_body_bytes = 0;
  std::size_t max_running = 0;   // requests at once
  milliseconds head_timeout{0};  // for a whole request head
  milliseconds body_timeout{0};  // for each MiB of a request body
  milliseconds idle_timeout{0};  // between requests of a connection
  milliseconds send_timeout{0};  // for a client that does not read
  milliseconds max_duration{0};  // of one request, from its head to the end of its response

  /// Other machines can reach one of its addresses.
  bool is_exposed() const {
    return std::any_of(listen.begin(), listen.end(),
                       [](const ListenSettings& l) { return l.is_exposed(); });
  }
};

/// `log:` of the configuration.
struct LogSettings {
  std::string level;  // debug, info, warn or error
  std::string file;   // empty: standard output
};

/// `admin:` of the configuration.
struct AdminSettings {
  std::string token;  // empty: there is no admin address
  ServerSettings server;
};

/// `store:` of the configuration.
struct StoreSettings {
  struct Redis {
    std::string host;
    std::uint16_t port = 6379;             // of a URL without one
    std::string user = {}, password = {};  // both empty: none are given
    int database = 0;
    bool tls = false;

    bool operator==(const Redis&) const = default;
  };

  std::optional<Redis> redis;  // none: the memory of this process
  std::size_t max_bytes = 0;   // of memory

  bool operator==(const StoreSettings&) const = default;
};

/// `upstream:` of the configuration.
struct UpstreamSettings {
  std::optional<Proxy> http_proxy, https_proxy;  // for servers without and with TLS
  std::vector<std::string> no_proxy;
  std::string ca;  // certificates of further authorities (PEM); empty: none

  std::optional<Proxy> proxy_for(const Endpoint& server) const {
    const auto& proxy = server.tls ? https_proxy : http_proxy;
    return is_direct(server, no_proxy) ? std::nullopt : proxy;
  }
};

/// `shutdown:` of the configuration.
struct ShutdownSettings {
  milliseconds delay{0};  // after SIGTERM, while requests are accepted and /readyz reports 503
  milliseconds grace{0};  // after that, for running requests
};

}  // namespace gatehouse::core
