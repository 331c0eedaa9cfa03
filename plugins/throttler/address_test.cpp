#include "address.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using testing::Harness;
using testing::Request;

struct Client final : Plugin {
  explicit Client(const std::vector<const char*>& trusted) {
    for (const char* text : trusted) EXPECT_TRUE(proxies.add(text)) << text;
  }
  Status handle(Exchange& x, Sink&, Next&) override {
    address = proxies.client_of(x);
    return {};
  }

  TrustedProxies proxies;
  std::optional<Address> address;
};

/// The address behind a connection from `peer` with these X-Forwarded-For headers.
std::optional<Address> client(const std::vector<const char*>& trusted, const char* peer,
                              const std::vector<const char*>& forwarded_for = {}) {
  Harness h;
  Client plugin(trusted);
  Request request("GET", "/");
  request.peer = peer;
  for (const char* value : forwarded_for) request.headers.emplace_back("X-Forwarded-For", value);
  (void)h.run(plugin, request);
  return plugin.address;
}

std::string network(View text) {
  std::string out;
  append_network(out, parse_address(text).value());
  return out;
}

TEST(Address, IsThatOfTheConnectionUnlessAProxyIsTrusted) {
  EXPECT_EQ(client({}, "192.0.2.1", {"198.51.100.7"}), parse_address("192.0.2.1"));
  EXPECT_EQ(client({"10.0.0.0/8"}, "192.0.2.1", {"198.51.100.7"}), parse_address("192.0.2.1"));
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1"), parse_address("10.0.0.1"));
  EXPECT_EQ(client({}, "/run/socket"), std::nullopt);
}

TEST(Address, IsTheLastOneThatIsNoTrustedProxy) {
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"198.51.100.7"}), parse_address("198.51.100.7"));
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"203.0.113.9, 198.51.100.7 ,\t10.2.0.1,10.1.0.1"}), parse_address("198.51.100.7"));
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"203.0.113.9", "198.51.100.7", "10.1.0.1"}), parse_address("198.51.100.7"));
  EXPECT_EQ(client({"fd00::/8", "10.0.0.1"}, "fd00::1", {"2001:db8::1, 10.0.0.1"}), parse_address("2001:db8::1"));
  EXPECT_EQ(client({"10.0.0.1"}, "::ffff:10.0.0.1", {"198.51.100.7"}), parse_address("198.51.100.7"));
}

TEST(Address, IsTheFirstOneIfAllAreTrusted) {
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"10.0.0.3, 10.0.0.2"}), parse_address("10.0.0.3"));
}

TEST(Address, IsThatOfTheProxyIfTheHeaderIsGarbage) {
  for (const char* garbage : {"", " ", "unknown", "198.51.100.7, ", "198.51.100.7:4711", "[2001:db8::1]", "198.51.100.7, not\xff",
                              "198.51.100.007.1", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", "garbage, 10.0.0.2"}) {
    EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {garbage}), parse_address("10.0.0.1")) << garbage;
  }
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"garbage, 198.51.100.7"}), parse_address("198.51.100.7"));
}

TEST(Address, KnowsTheBordersOfANetwork) {
  const auto trusted = [](const char* network_text, const char* peer) {
    return client({network_text}, peer, {"198.51.100.7"}) != parse_address(peer);
  };
  EXPECT_TRUE(trusted("192.0.2.128/25", "192.0.2.255"));
  EXPECT_FALSE(trusted("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(trusted("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(trusted("192.0.2.1", "192.0.2.0"));
  EXPECT_TRUE(trusted("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(trusted("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(trusted("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(trusted("0.0.0.0/0", "2001:db8::1"));
}

TEST(Address, CountsAnIpv6NetworkAsOneClient) {
  EXPECT_EQ(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
  EXPECT_NE(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
  EXPECT_NE(network("192.0.2.1"), network("192.0.2.2"));
  EXPECT_EQ(network("192.0.2.1"), network("::ffff:192.0.2.1"));
}

TEST(TrustedProxies, AreAddressesOrNetworks) {
  TrustedProxies proxies;
  for (const char* text :
       {"", "localhost", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "/8", "fd00::/129", "10.0.0/8", "*"}) {
    EXPECT_FALSE(proxies.add(text)) << text;
  }
}

}  // namespace
}  // namespace gatehouse
