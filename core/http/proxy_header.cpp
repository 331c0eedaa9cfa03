#include "core/http/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>

#include "core/text/number.h"

namespace gatehouse::core {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kWord = "PROXY ";
constexpr std::size_t kMaxLine = 107;  // of version 1

/// Takes a word from the front of `line`.
std::string_view take_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word;
}

/// The text of an address in the usual form, or nothing.
std::optional<std::string> canonical(int family, std::string_view text) {
  in6_addr address;
  char out[INET6_ADDRSTRLEN];
  if (text.find('\0') != text.npos) return std::nullopt;  // where inet_pton() would stop
  if (inet_pton(family, std::string(text).c_str(), &address) != 1) return std::nullopt;
  return inet_ntop(family, &address, out, sizeof out);
}

/// "TCP4 192.0.2.1 192.0.2.2 4711 443", or "UNKNOWN" and anything.
std::optional<std::string> client_in(std::string_view line) {
  const std::string_view kind = take_word(line);
  if (kind == "UNKNOWN") return "";
  if (kind != "TCP4" && kind != "TCP6") return std::nullopt;
  const int family = kind == "TCP4" ? AF_INET : AF_INET6;
  const auto from = canonical(family, take_word(line)), to = canonical(family, take_word(line));
  const auto from_port = parse_number<std::uint16_t>(take_word(line));
  const auto to_port = parse_number<std::uint16_t>(line);
  return from && to && from_port && to_port ? from : std::nullopt;
}

std::optional<ProxyHeader> parse_line(std::string_view received) {
  const std::size_t end = received.substr(0, kMaxLine).find("\r\n");
  if (end == received.npos)
    return received.size() < kMaxLine ? std::optional(ProxyHeader()) : std::nullopt;
  const auto client = client_in(received.substr(kWord.size(), end - kWord.size()));
  return client ? std::optional(ProxyHeader{end + 2, *client}) : std::nullopt;
}

/// The bytes after the signature: version and command, family and transport, the length of the
/// rest; the address of the client, that of the server, their ports, extensions.
std::optional<ProxyHeader> parse_binary(std::string_view received) {
  constexpr std::size_t kFixed = 16;
  constexpr unsigned char kLocal = 0x20, kProxy = 0x21, kTcp4 = 0x11, kTcp6 = 0x21;
  if (received.size() < kFixed) return ProxyHeader();
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(received[i]); };
  const std::size_t size = kFixed + byte(14) * 256u + byte(15);
  const unsigned char command = byte(12), transport = byte(13);
  if ((command != kLocal && command != kProxy) || size > kMaxProxyHeader) return std::nullopt;
  if (received.size() < size) return ProxyHeader();
  // Other transports, such as Unix sockets, have no address that means anything here.
  if (command == kLocal || (transport != kTcp4 && transport != kTcp6)) return ProxyHeader{size, ""};
  const std::size_t needed = transport == kTcp4 ? 12 : 36;
  if (size < kFixed + needed) return std::nullopt;
  char text[INET6_ADDRSTRLEN];
  inet_ntop(transport == kTcp4 ? AF_INET : AF_INET6, received.data() + kFixed, text, sizeof text);
  return ProxyHeader{size, text};
}

}  // namespace

std::optional<ProxyHeader> parse_proxy_header(std::string_view received) {
  const auto begins_as = [&](std::string_view expected) {
    return received.substr(0, expected.size()) == expected.substr(0, received.size());
  };
  if (begins_as(kSignature)) return parse_binary(received);
  if (!begins_as(kWord)) return std::nullopt;
  return received.size() < kWord.size() ? ProxyHeader() : parse_line(received);
}

}  // namespace gatehouse::core
