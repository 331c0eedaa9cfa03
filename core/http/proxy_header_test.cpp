#include "core/http/proxy_header.h"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

/// A header of version 2.
std::string binary(unsigned char command, unsigned char transport, const std::string& rest) {
  const auto byte = [](std::size_t n) { return std::string(1, static_cast<char>(n)); };
  return kSignature + byte(command) + byte(transport) + byte(rest.size() / 256) +
         byte(rest.size() % 256) + rest;
}

const std::string kIpv4("\xc0\x00\x02\x01\x0a\x00\x00\x01\x12\x67\x01\xbb", 12);
const std::string kIpv6 =
    std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) + std::string(16, 'x') + "abcd";

TEST(ProxyHeader, HasTheAddressOfTheClient) {
  const struct {
    std::string header, client;
  } kCases[] = {
      {"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n", "192.0.2.1"},
      {"PROXY TCP6 2001:DB8:0::1 ::1 65535 0\r\n", "2001:db8::1"},
      {"PROXY UNKNOWN\r\n", ""},
      {"PROXY UNKNOWN ffff::1 ::1 1 2\r\n", ""},
      {binary(0x21, 0x11, kIpv4), "192.0.2.1"},
      {binary(0x21, 0x21, kIpv6), "2001:db8::1"},
      {binary(0x21, 0x11, kIpv4 + "extensions"), "192.0.2.1"},
      {binary(0x20, 0x11, kIpv4), ""},
      {binary(0x20, 0x00, ""), ""},
      {binary(0x21, 0x00, ""), ""},
      {binary(0x21, 0x31, std::string(216, 'u')), ""},
      {binary(0x20, 0x00, std::string(kMaxProxyHeader - 16, 'x')), ""},
  };
  for (const auto& [header, client] : kCases) {
    const auto parsed = parse_proxy_header(header + "GET / HTTP/1.1\r\n");
    ASSERT_TRUE(parsed) << header;
    EXPECT_EQ(parsed->size, header.size()) << header;
    EXPECT_EQ(parsed->client, client) << header;
    for (std::size_t n = 0; n < header.size(); ++n) {
      const auto part = parse_proxy_header(header.substr(0, n));
      ASSERT_TRUE(part) << header.substr(0, n);
      EXPECT_EQ(part->size, 0u) << header.substr(0, n);
    }
  }
}

TEST(ProxyHeader, AnythingElseIsNone) {
  const std::string kBad[] = {
      "GET / HTTP/1.1\r\n",
      "PROXY\r\n",
      "PROXY \r\n",
      "PROXY TCP5 192.0.2.1 10.0.0.1 1 2\r\n",
      "PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n",
      "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n",
      "PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n",
      "PROXY TCP4 192.0.2.1  10.0.0.1 1 2\r\n",
      "PROXY TCP4 2001:db8::1 10.0.0.1 1 2\r\n",
      "PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
      "PROXY TCP4 192.0.2.1 10.0.0.256 1 2\r\n",
      "PROXY TCP4 192.0.2.1 10.0.0.1 -1 2\r\n",
      std::string("PROXY TCP4 192.0.2.1\0x 10.0.0.1 1 2\r\n", 37),
      "proxy TCP4 192.0.2.1 10.0.0.1 1 2\r\n",
      "PROXY UNKNOWN " + std::string(100, 'x') + "\r\n",
      binary(0x22, 0x11, kIpv4),
      binary(0x11, 0x11, kIpv4),
      binary(0x21, 0x11, kIpv4.substr(1)),
      binary(0x21, 0x21, kIpv4),
      binary(0x20, 0x00, std::string(kMaxProxyHeader - 15, 'x')),
  };
  for (const std::string& header : kBad) EXPECT_FALSE(parse_proxy_header(header)) << header;
}

}  // namespace
}  // namespace gatehouse::core
