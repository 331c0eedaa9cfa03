#include "core/http/client_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/http/request_parser.h"
#include "core/text/number.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using Address = Networks::Address;

constexpr std::array<std::uint8_t, 12> kIpv4Mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_ipv4(const Address& a) {
  return std::equal(kIpv4Mapped.begin(), kIpv4Mapped.end(), a.begin());
}

std::optional<Address> parse_address(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN] = {};  // for inet_pton
  if (text.size() >= sizeof terminated) return std::nullopt;
  text.copy(terminated, text.size());
  Address a;
  if (inet_pton(AF_INET6, terminated, a.data()) == 1) return a;
  std::copy(kIpv4Mapped.begin(), kIpv4Mapped.end(), a.begin());
  if (inet_pton(AF_INET, terminated, a.data() + kIpv4Mapped.size()) == 1) return a;
  return std::nullopt;
}

std::string to_text(const Address& a) {
  char text[INET6_ADDRSTRLEN];
  return is_ipv4(a) ? inet_ntop(AF_INET, a.data() + kIpv4Mapped.size(), text, sizeof text)
                    : inet_ntop(AF_INET6, a.data(), text, sizeof text);
}

/// The parts of a list. Also splits inside quotes: a client that begins the header with a quote
/// must not be able to hide what proxies append.
std::vector<std::string_view> split(std::string_view text, char delimiter) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(delimiter);
    parts.push_back(trim(text.substr(0, end)));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// The node of an element of Forwarded (RFC 7239 4): for="[2001:db8::1]:4711";proto=https. Empty if
/// it names none.
std::string_view node_of(std::string_view element) {
  constexpr std::string_view kFor = "for=";
  for (std::string_view pair : split(element, ';')) {
    if (!equals_ignoring_case(pair.substr(0, kFor.size()), kFor)) continue;
    pair.remove_prefix(kFor.size());
    const bool is_quoted = pair.size() > 1 && pair.front() == '"' && pair.back() == '"';
    return is_quoted ? pair.substr(1, pair.size() - 2) : pair;
  }
  return {};
}

/// What the header contains about each hop, the nearest one last. Empty if there is no such header.
std::vector<std::string_view> nodes(const std::vector<Field>& fields, std::string_view header,
                                    std::string_view (*read)(std::string_view element)) {
  std::vector<std::string_view> out;
  for (const Field& field : fields) {
    if (!equals_ignoring_case(field.name, header)) continue;
    for (const std::string_view element : split(field.value, ',')) out.push_back(read(element));
  }
  return out;
}

/// An address with or without a port: 192.0.2.1:4711, [2001:db8::1]:4711.
std::optional<Address> parse_node(std::string_view text) {
  const auto bracket = text.find(']'), colon = text.rfind(':');
  const bool bracketed = !text.empty() && text[0] == '[' && bracket != text.npos;
  const bool has_port =
      colon != text.npos && (bracketed ? colon == bracket + 1 : text.find(':') == colon);
  if (has_port) {
    const std::string_view port = text.substr(colon + 1);
    if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos)
      return std::nullopt;
    text = text.substr(0, colon);
  }
  if (bracketed && text.back() != ']') return std::nullopt;
  return parse_address(bracketed ? text.substr(1, text.size() - 2) : text);
}

}  // namespace

bool Networks::add(std::string_view text) {
  if (text == kUnixPeer) return unix_ = true;
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return false;
  const int outside = is_ipv4(*address) ? 96 : 0, most = 128 - outside;
  const std::optional<int> bits =
      slash == text.npos ? most : parse_number<int>(text.substr(slash + 1));
  if (!bits || *bits < 0 || *bits > most) return false;
  networks_.push_back({*address, outside + *bits});
  return true;
}

bool Networks::contain(const Address& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& n) {
    const auto whole = static_cast<std::size_t>(n.bits / 8);
    if (std::memcmp(n.address.data(), address.data(), whole) != 0) return false;
    return n.bits % 8 == 0 || (n.address[whole] ^ address[whole]) >> (8 - n.bits % 8) == 0;
  });
}

bool Networks::contain(std::string_view peer) const {
  if (peer == kUnixPeer) return unix_;
  const auto address = networks_.empty() ? std::nullopt : parse_address(peer);
  return address && contain(*address);
}

std::string plain_address(std::string_view text) {
  const auto address = parse_address(text);
  return address ? to_text(*address) : std::string(text);
}

std::string client_address(std::string_view peer, const std::vector<Field>& fields,
                           const Networks& trusted) {
  if (!trusted.contain(peer)) return std::string(peer);
  // A proxy that writes one of the two headers forwards the other as the client sent it, and most
  // write X-Forwarded-For.
  auto hops = nodes(fields, "X-Forwarded-For", [](std::string_view element) { return element; });
  if (hops.empty()) hops = nodes(fields, "Forwarded", node_of);
  // Each proxy appends the address of its peer. So everything to the right of the first address
  // that is not trusted is true, and the rest is a claim.
  std::optional<Address> client = parse_address(peer);  // none: a Unix socket
  for (auto hop = hops.rbegin(); hop != hops.rend() && (!client || trusted.contain(*client));
       ++hop) {
    client = parse_node(*hop);
    if (!client) return std::string(peer);
  }
  return client ? to_text(*client) : std::string(peer);
}

}  // namespace gatehouse::core
