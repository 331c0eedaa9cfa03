#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

struct Field;  // of a request head

/// The peer of a connection to a Unix socket.
inline constexpr std::string_view kUnixPeer = "unix";

/// Addresses and networks, of IPv4 and IPv6, and the peers of Unix sockets.
class Networks {
 public:
  /// An IPv6 address, or an IPv4 address written as one: ::ffff:192.0.2.1 (RFC 4291 2.5.5.2).
  using Address = std::array<std::uint8_t, 16>;

  /// Adds an address, a network such as 10.0.0.0/8, or "unix". False: `text` is none of them.
  bool add(std::string_view text);
  bool contain(const Address& address) const;
  /// The same for the peer of a connection.
  bool contain(std::string_view peer) const;
  bool empty() const { return networks_.empty() && !unix_; }
  bool operator==(const Networks&) const = default;

 private:
  struct Network {
    Address address;
    int bits;  // the length of the prefix
    bool operator==(const Network&) const = default;
  };
  std::vector<Network> networks_;
  bool unix_ = false;
};

/// The canonical text of an address; an IPv4 address as such, even if it arrived as an IPv6 one.
/// Other text is returned unchanged.
std::string plain_address(std::string_view text);

/// The address of the client behind `peer`: the last address in X-Forwarded-For, or without such a
/// header in Forwarded (RFC 7239), that is not `trusted`. `peer` itself if that is not trusted, or
/// if the header contains anything but addresses.
std::string client_address(std::string_view peer, const std::vector<Field>& fields,
                           const Networks& trusted);

}  // namespace gatehouse::core
