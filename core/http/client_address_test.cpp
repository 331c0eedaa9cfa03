#include "core/http/client_address.h"

#include <gtest/gtest.h>

#include "core/http/request_parser.h"

namespace gatehouse::core {
namespace {

/// The client of a request from `peer` with these fields.
std::string client(const std::vector<std::string>& trusted, std::string_view peer,
                   const std::vector<std::pair<std::string, std::string>>& headers = {}) {
  Networks networks;
  for (const std::string& text : trusted) EXPECT_TRUE(networks.add(text)) << text;
  std::vector<Field> fields;
  for (const auto& [name, value] : headers) fields.push_back({name, value});
  return client_address(peer, fields, networks);
}

std::pair<std::string, std::string> forwarded_for(const std::string& value) {
  return {"x-forwarded-for", value};
}
std::pair<std::string, std::string> forwarded(const std::string& value) {
  return {"forwarded", value};
}

TEST(ClientAddress, IsThatOfTheConnectionUnlessAProxyIsTrusted) {
  EXPECT_EQ(client({}, "192.0.2.1", {forwarded_for("198.51.100.7")}), "192.0.2.1");
  EXPECT_EQ(client({"10.0.0.0/8"}, "192.0.2.1", {forwarded_for("198.51.100.7")}), "192.0.2.1");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(client({"10.0.0.0/8"}, "/run/socket", {forwarded_for("198.51.100.7")}), "/run/socket");
}

TEST(ClientAddress, TheProxyMayUseAUnixSocket) {
  EXPECT_EQ(client({"10.0.0.0/8"}, "unix", {forwarded_for("198.51.100.7")}), "unix");
  EXPECT_EQ(client({"unix"}, "unix", {forwarded_for("198.51.100.7")}), "198.51.100.7");
  EXPECT_EQ(client({"unix", "10.0.0.0/8"}, "unix", {forwarded_for("198.51.100.7, 10.0.0.1")}),
            "198.51.100.7");
  EXPECT_EQ(client({"unix"}, "unix"), "unix");
  EXPECT_EQ(client({"unix"}, "10.0.0.1", {forwarded_for("198.51.100.7")}), "10.0.0.1");
}

TEST(ClientAddress, IsTheLastOneThatIsNoTrustedProxy) {
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {forwarded_for("198.51.100.7")}), "198.51.100.7");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1",
                   {forwarded_for("203.0.113.9, 198.51.100.7 ,\t10.2.0.1,10.1.0.1")}),
            "198.51.100.7");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1",
                   {forwarded_for("203.0.113.9"), forwarded_for("198.51.100.7"),
                    forwarded_for("10.1.0.1")}),
            "198.51.100.7");
  EXPECT_EQ(client({"fd00::/8", "10.0.0.1"}, "fd00::1", {forwarded_for("2001:db8::1, 10.0.0.1")}),
            "2001:db8::1");
  EXPECT_EQ(client({"10.0.0.1"}, "::ffff:10.0.0.1", {forwarded_for("198.51.100.7")}),
            "198.51.100.7");
}

TEST(ClientAddress, IsTheFirstOneIfAllAreTrusted) {
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {forwarded_for("10.0.0.3, 10.0.0.2")}), "10.0.0.3");
}

TEST(ClientAddress, MayHaveAPortAndBrackets) {
  for (const char* text : {"198.51.100.7:4711", "::ffff:198.51.100.7", "[::ffff:198.51.100.7]",
                           "[::ffff:198.51.100.7]:4711"}) {
    EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {forwarded_for(text)}), "198.51.100.7") << text;
  }
  for (const char* text : {"2001:db8::1", "[2001:db8::1]", "[2001:DB8:0::1]:4711"}) {
    EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {forwarded_for(text)}), "2001:db8::1") << text;
  }
}

TEST(ClientAddress, IsThatOfTheProxyIfTheHeaderNamesSomethingElse) {
  for (const char* garbage :
       {"", " ", "unknown", "198.51.100.7, ", "198.51.100.7:", "198.51.100.7:http",
        "198.51.100.7:123456", "[2001:db8::1", "2001:db8::1]", "[2001:db8::1]4711", "[]", "[", ":",
        "198.51.100.7, not\xff", "198.51.100.007.1",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", "garbage, 10.0.0.2"}) {
    EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {forwarded_for(garbage)}), "10.0.0.1") << garbage;
  }
}

TEST(ClientAddress, IsHiddenByNothingThatTheClientSent) {
  for (const char* claim : {"garbage", "\"", "192.0.2.1", ", ,", "[", "10.0.0.1"}) {
    EXPECT_EQ(
        client({"10.0.0.0/8"}, "10.0.0.1", {forwarded_for(std::string(claim) + ", 198.51.100.7")}),
        "198.51.100.7")
        << claim;
    EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1",
                     {forwarded("for=" + std::string(claim) + ", for=198.51.100.7")}),
              "198.51.100.7")
        << claim;
  }
}

TEST(ClientAddress, IsReadFromTheStandardHeaderWhereTheUsualOneIsMissing) {
  const std::vector<std::string> trusted = {"10.0.0.0/8"};
  EXPECT_EQ(client(trusted, "10.0.0.1", {forwarded("for=198.51.100.7")}), "198.51.100.7");
  EXPECT_EQ(client(trusted, "10.0.0.1",
                   {forwarded("proto=https; For=\"198.51.100.7:4711\";by=10.0.0.1")}),
            "198.51.100.7");
  EXPECT_EQ(client(trusted, "10.0.0.1",
                   {forwarded("for=203.0.113.9, for=\"[2001:db8::1]:4711\";host=a, for=10.1.0.1")}),
            "2001:db8::1");
  for (const char* garbage : {"", "for=unknown", "for=_hidden", "proto=https",
                              "for=198.51.100.7, proto=https", "for=\"198.51.100.7", "for"}) {
    EXPECT_EQ(client(trusted, "10.0.0.1", {forwarded(garbage)}), "10.0.0.1") << garbage;
  }
  EXPECT_EQ(
      client(trusted, "10.0.0.1", {forwarded("for=203.0.113.9"), forwarded_for("198.51.100.7")}),
      "198.51.100.7");
}

TEST(ClientAddress, KnowsTheBordersOfANetwork) {
  const auto trusted = [](const char* network, const char* peer) {
    return client({network}, peer, {forwarded_for("198.51.100.7")}) == "198.51.100.7";
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

TEST(ClientAddress, IsWrittenInOneWay) {
  EXPECT_EQ(plain_address("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(plain_address("2001:DB8::0:1"), "2001:db8::1");
  EXPECT_EQ(plain_address("/run/socket"), "/run/socket");
}

TEST(Networks, AreAddressesOrNetworks) {
  Networks networks;
  for (const char* text : {"", "localhost", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                           "10.0.0.0/8x", "/8", "fd00::/129", "10.0.0/8", "*"}) {
    EXPECT_FALSE(networks.add(text)) << text;
  }
  EXPECT_TRUE(networks.empty());
}

}  // namespace
}  // namespace gatehouse::core
