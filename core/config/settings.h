#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/http/client_address.h"

namespace gatehouse::core {

using std::chrono::milliseconds;

/// `server:` of the configuration. The defaults here are the product's.
struct ServerSettings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 3000;  // 0: any free one
  std::vector<std::string>
      hosts;                 // names accepted in Host besides addresses and localhost; "*": all
  Networks trusted_proxies;  // that may say for whom they ask
  std::size_t max_body_bytes = 32u << 20;  // 413 beyond
  std::size_t max_running = 4096;          // requests at once; 503 beyond
  milliseconds head_timeout{10'000};       // for a whole request head
  milliseconds body_timeout{30'000};       // for each MiB of a request body
  milliseconds idle_timeout{75'000};       // between requests of a kept-alive connection
  milliseconds send_timeout{60'000};       // for a client that does not read
  milliseconds max_duration{1'800'000};    // of one request, from its head to the end of its answer

  /// Other machines can reach the address.
  bool is_exposed() const {
    const bool is_ipv4 = address.find_first_not_of("0123456789.") ==
                         std::string::npos;  // else a name that begins like it
    return !(address == "localhost" || address == "::1" ||
             (is_ipv4 && address.starts_with("127.")));
  }
  bool operator==(const ServerSettings&) const = default;
};

/// `log:` of the configuration.
struct LogSettings {
  std::string level = "info";  // debug, info, warn or error
  std::string file;            // empty: standard output
};

/// `admin:` of the configuration.
struct AdminSettings {
  std::string token;  // empty: there is no admin address
  ServerSettings server = [] {
    ServerSettings out;
    out.port = 3001;
    out.max_running = 64;
    return out;
  }();
};

/// `store:` of the configuration.
struct StoreSettings {
  struct Redis {
    std::string host;
    std::uint16_t port = 6379;
    std::string user = {}, password = {};  // both empty: none are given
    int database = 0;
    bool tls = false;

    bool operator==(const Redis&) const = default;
  };

  std::optional<Redis> redis;         // none: the memory of this process
  std::size_t max_bytes = 64u << 20;  // of memory

  bool operator==(const StoreSettings&) const = default;
};

/// `shutdown:` of the configuration.
struct ShutdownSettings {
  milliseconds delay{
      0};  // after SIGTERM: requests are still taken, and /readyz says that soon they will not be
  milliseconds grace{30'000};  // after that: how long running requests may go on
};

}  // namespace gatehouse::core
