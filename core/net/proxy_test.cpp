#include "core/net/proxy.h"

#include <gtest/gtest.h>

#include "core/http/client.h"
#include "tests/core/client_end.h"
#include "tests/core/scripted_server.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const HttpClient::Request kGet{"GET", "/path?q", {}, {}};

/// A client of `url` behind a proxy, which is `server`.
HttpClient::Options through(const Listener& server, const std::string& url,
                            Clock::duration connect = 5s) {
  HttpClient::Options options{url, connect, 5s, 5s};
  options.proxy = [port = server.port_number()](const Endpoint&) {
    return Proxy{"127.0.0.1", port, "Basic SECRET"};
  };
  return options;
}

/// The error of a request that needs a tunnel through a proxy that plays `script`.
Error tunnel_error(const ScriptedServer::Script& script, Clock::duration connect = 5s) {
  ScriptedServer server({script});
  ClientEnd client;
  HttpClient http(through(server, "https://a.example", connect));
  const auto sent = http.send(kGet, client.waiter());
  EXPECT_FALSE(sent);
  return sent ? Error{} : sent.error();
}

ScriptedServer::Script replies(const std::string& reply) {
  return [reply](Peer& peer) {
    peer.request();
    peer.send(reply);
  };
}

TEST(Proxy, GetsRequestsWithoutTlsInAbsoluteFormOnOneConnection) {
  std::vector<std::string> heads;
  {
    ScriptedServer server({[&](Peer& peer) {
      for (int i = 0; i < 2; ++i) {
        heads.push_back(peer.request());
        peer.send(kHello);
      }
    }});
    ClientEnd client;
    HttpClient http(through(server, "http://a.example:8080/base"));
    for (int i = 0; i < 2; ++i) {
      auto sent = http.send(kGet, client.waiter());
      ASSERT_TRUE(sent);
      EXPECT_EQ(*(*sent)->read(), "hello");
      EXPECT_EQ(*(*sent)->read(), "");
    }
  }
  for (const std::string& head : heads) {
    EXPECT_TRUE(
        head.starts_with("GET http://a.example:8080/base/path?q HTTP/1.1\r\n"
                         "Host: a.example:8080\r\nProxy-Authorization: Basic SECRET\r\n"))
        << head;
  }
}

TEST(Proxy, GetsAConnectRequestForAnUpstreamWithTls) {
  std::string head;
  (void)tunnel_error([&](Peer& peer) { head = peer.request(); });
  EXPECT_EQ(head,
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"
            "Proxy-Authorization: Basic SECRET\r\n\r\n");
}

TEST(Proxy, ARefusalNamesTheRemedy) {
  const Error forbidden = tunnel_error(replies("HTTP/1.1 403 Forbidden\r\n\r\n"));
  EXPECT_EQ(forbidden.kind, Error::proxy_refused);
  EXPECT_NE(forbidden.detail.find("responded with 403 to a request for a.example:443: allow that "
                                  "in the proxy, or add it to `upstream.no_proxy`"),
            std::string::npos)
      << forbidden.detail;
  const Error unknown = tunnel_error(replies("HTTP/1.1 407 Who?\r\n\r\n"));
  EXPECT_EQ(unknown.kind, Error::proxy_refused);
  EXPECT_NE(unknown.detail.find("`upstream.proxy`"), std::string::npos) << unknown.detail;
  EXPECT_EQ(unknown.detail.find("SECRET"), std::string::npos) << unknown.detail;

  ScriptedServer server({replies("HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n")});
  ClientEnd client;
  HttpClient http(through(server, "http://a.example"));
  EXPECT_EQ(http.send(kGet, client.waiter()).error().kind, Error::proxy_refused);
}

TEST(Proxy, OneThatCannotReachTheUpstreamOrDoesNotSpeakHttpMayBeTriedAgain) {
  for (const char* reply : {"HTTP/1.1 502 Bad Gateway\r\n\r\n", "SSH-2.0-OpenSSH\r\n\r\n", ""}) {
    const Error error = tunnel_error(replies(reply));
    EXPECT_EQ(error.kind, Error::unreachable) << reply;
    EXPECT_TRUE(error.detail.starts_with("the proxy 127.0.0.1:")) << error.detail;
  }
  EXPECT_EQ(tunnel_error(replies(std::string(20'000, 'x'))).kind, Error::unreachable);
}

TEST(Proxy, ATunnelIsPartOfTheTimeToConnect) {
  const Error error = tunnel_error([](Peer& peer) { peer.rest(); }, 50ms);
  EXPECT_EQ(error.kind, Error::connect_timeout);
}

TEST(Proxy, IsNotUsedForThisMachineNorForWhatNoProxyHas) {
  const auto direct = [](const std::string& host, const std::vector<std::string>& no_proxy = {}) {
    return is_direct({host, 443, true}, no_proxy);
  };
  for (const char* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1"})
    EXPECT_TRUE(direct(host)) << host;
  for (const char* host : {"a.example", "192.0.2.1", "127.example"}) EXPECT_FALSE(direct(host));
  for (const char* entry :
       {"*", "a.example", "A.EXAMPLE", "example", ".example", "*.example", "a.example:443"})
    EXPECT_TRUE(direct("a.example", {"x", entry})) << entry;
  for (const char* entry : {"", ".", "xample", "b.example", "a.example:80", "b.a.example"})
    EXPECT_FALSE(direct("a.example", {entry})) << entry;
  EXPECT_TRUE(direct("10.1.2.3", {"10.0.0.0/8"}));
  EXPECT_TRUE(direct("10.1.2.3", {"10.1.2.3"}));
  EXPECT_TRUE(direct("fd00::1", {"fd00::/8"}));
  for (const char* entry : {"11.0.0.0/8", "10.0.0.0/33", "10.0.0.0/x", "fd00::/8", "/8"})
    EXPECT_FALSE(direct("10.1.2.3", {entry})) << entry;
}

}  // namespace
}  // namespace gatehouse::core
