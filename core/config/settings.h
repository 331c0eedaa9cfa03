#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/http/client_address.h"
#include "core/net/connect.h"

namespace gatehouse::core {

using std::chrono::milliseconds;

// The defaults of all settings are in gateway.schema.json.

/// `server:` of the configuration.
struct ServerSettings {
  std::string address;
  std::uint16_t port = 0;          // 0: any free one
  std::vector<std::string> hosts;  // names accepted in Host besides addresses and localhost
  Networks trusted_proxies;
  std::size_t max_body_bytes = 0;
  std::size_t max_running = 0;   // requests at once
  milliseconds head_timeout{0};  // for a whole request head
  milliseconds body_timeout{0};  // for each MiB of a request body
  milliseconds idle_timeout{0};  // between requests of a connection
  milliseconds send_timeout{0};  // for a client that does not read
  milliseconds max_duration{0};  // of one request, from its head to the end of its response

  /// Other machines can reach the address.
  bool is_exposed() const {
    // Digits and dots alone: a name may begin with "127." as well.
    const bool is_ipv4 = address.find_first_not_of("0123456789.") == std::string::npos;
    return !(address == "localhost" || address == "::1" ||
             (is_ipv4 && address.starts_with("127.")));
  }
  bool operator==(const ServerSettings&) const = default;
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
