#include "address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace gatehouse {
namespace {

constexpr std::array<std::uint8_t, 12> kIpv4Mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_ipv4(const Address& a) { return std::equal(kIpv4Mapped.begin(), kIpv4Mapped.end(), a.begin()); }

View trimmed(View text) {
  const auto first = text.find_first_not_of(" \t");
  return first == View::npos ? View() : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::optional<Address> parse_address(View text) {
  char terminated[INET6_ADDRSTRLEN] = {};  // for inet_pton
  if (text.size() >= sizeof terminated) return std::nullopt;
  text.copy(terminated, text.size());
  Address a;
  if (inet_pton(AF_INET6, terminated, a.data()) == 1) return a;
  std::copy(kIpv4Mapped.begin(), kIpv4Mapped.end(), a.begin());
  if (inet_pton(AF_INET, terminated, a.data() + kIpv4Mapped.size()) == 1) return a;
  return std::nullopt;
}

void append_network(std::string& out, const Address& address) {
  const auto* const bytes = reinterpret_cast<const char*>(address.data());
  if (is_ipv4(address))
    out.append(bytes + kIpv4Mapped.size(), 4);
  else
    out.append(bytes, 8);
}

bool TrustedProxies::add(View text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return false;
  const int outside = is_ipv4(*address) ? 96 : 0, most = 128 - outside;
  int bits = most;
  if (slash != View::npos) {
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + slash + 1, end, bits);
    if (parsed.ec != std::errc() || parsed.ptr != end || bits < 0 || bits > most) return false;
  }
  networks_.push_back({*address, outside + bits});
  return true;
}

bool TrustedProxies::contain(const Address& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& n) {
    const auto whole = static_cast<std::size_t>(n.bits / 8);
    if (std::memcmp(n.address.data(), address.data(), whole) != 0) return false;
    return n.bits % 8 == 0 || (n.address[whole] ^ address[whole]) >> (8 - n.bits % 8) == 0;
  });
}

std::optional<Address> TrustedProxies::client_of(Exchange& x) const {
  const auto peer = parse_address(x.peer());
  if (!peer || !contain(*peer)) return peer;
  // Each proxy appends whom it heard, so what stands right of the first one we do not trust is true, and the rest is a claim.
  for (View rest = x.header("X-Forwarded-For");;) {
    const auto comma = rest.rfind(',');
    const auto client = parse_address(trimmed(comma == View::npos ? rest : rest.substr(comma + 1)));
    if (!client) return peer;
    if (comma == View::npos || !contain(*client)) return client;
    rest = rest.substr(0, comma);
  }
}

}  // namespace gatehouse
