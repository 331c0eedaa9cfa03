#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::core {

/// The longest header of the PROXY protocol that is accepted. Its addresses take at most 52 bytes
/// in version 2; proxies append names, certificates and identifiers.
inline constexpr std::size_t kMaxProxyHeader = 4096;

/// The header that a proxy sends in front of a connection that it passes on (the PROXY protocol,
/// versions 1 and 2: haproxy.org/download/2.8/doc/proxy-protocol.txt).
struct ProxyHeader {
  std::size_t size = 0;  // 0: it is incomplete
  std::string client;    // its address; empty: unknown, or the proxy itself, such as a health check
};

/// Reads the header at the front of `received`. Nothing: this is none.
std::optional<ProxyHeader> parse_proxy_header(std::string_view received);

}  // namespace gatehouse::core
