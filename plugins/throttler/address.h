#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// An IPv6 address, or an IPv4 address written as one: ::ffff:192.0.2.1 (RFC 4291 2.5.5.2).
using Address = std::array<std::uint8_t, 16>;

std::optional<Address> parse_address(View text);

/// Appends what one client cannot change: all of an IPv4 address, the first 64 bits of an IPv6 address (RFC 8981: hosts
/// choose new lower ones as they like).
void append_network(std::string& out, const Address& address);

/// The proxies that may say for whom they ask.
class TrustedProxies {
 public:
  /// An address, or a network such as 10.0.0.0/8. False: `text` is neither.
  bool add(View text);
  /// The address a request comes from: the last one in X-Forwarded-For that is no trusted proxy, if the peer is one; else the
  /// peer's. Nothing: the peer has none, as on a local socket.
  std::optional<Address> client_of(Exchange& x) const;

 private:
  struct Network {
    Address address;
    int bits;  // how many of them, from the left, are the network's
  };
  bool contain(const Address& address) const;

  std::vector<Network> networks_;
};

}  // namespace gatehouse
