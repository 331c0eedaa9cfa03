#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

struct Field;  // of a request head

/// Addresses and networks, of IPv4 and IPv6.
class Networks {
 public:
  /// An IPv6 address, or an IPv4 address written as one: ::ffff:192.0.2.1 (RFC 4291 2.5.5.2).
  using Address = std::array<std::uint8_t, 16>;

  /// An address, or a network such as 10.0.0.0/8. False: `text` is neither.
  bool add(std::string_view text);
  bool contain(const Address& address) const;
  bool empty() const { return networks_.empty(); }
  bool operator==(const Networks&) const = default;

 private:
  struct Network {
    Address address;
    int bits;  // how many of them, from the left, are the network's
    bool operator==(const Network&) const = default;
  };
  std::vector<Network> networks_;
};

/// The one way to write an address; an IPv4 address as such, even if it came as an IPv6 one. What
/// is none stays as it is.
std::string plain_address(std::string_view text);

/// Who sent the request that `peer` has passed on: the last address that its X-Forwarded-For header
/// names, or without one its Forwarded header (RFC 7239), which is not `trusted`. `peer` itself if
/// that is not trusted, or the header names something else than addresses.
std::string client_address(std::string_view peer, const std::vector<Field>& fields,
                           const Networks& trusted);

}  // namespace gatehouse::core
