#include "core/net/tls.h"

#include <Poco/Net/Context.h>
#include <Poco/Net/SSLManager.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "core/http/client.h"
#include "tests/core/certificates.h"
#include "tests/core/client_end.h"
#include "tests/core/scripted_server.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;
using Poco::Net::Context;
using Poco::Net::SecureStreamSocket;
using Poco::Net::StreamSocket;

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const HttpClient::Request kGet{"GET", "/", {}, {}};

/// The server's side of a TLS connection, over a blocking socket.
class TlsPeer {
 public:
  TlsPeer(Peer& peer, const Context::Ptr& context) : socket_(attach(peer, context)) {}

  /// What arrives until `end`, or until the client closes or resets the connection.
  std::string read_to(std::string_view end) {
    std::string out;
    char bytes[65536];
    try {
      for (int n = 1; n > 0 && !out.ends_with(end);) {
        n = socket_.receiveBytes(bytes, sizeof bytes);
        out.append(bytes, static_cast<std::size_t>(std::max(n, 0)));
      }
    } catch (const Poco::Exception&) {
    }
    return out;
  }
  std::string request() { return read_to("\r\n\r\n"); }
  void send(std::string_view bytes) {
    try {
      while (!bytes.empty()) {
        const int n = socket_.sendBytes(
            bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
        bytes.remove_prefix(static_cast<std::size_t>(n));
      }
    } catch (const Poco::Exception&) {
    }
  }

 private:
  static SecureStreamSocket attach(Peer& peer, const Context::Ptr& context) {
    return SecureStreamSocket::attach(
        StreamSocket(new Poco::Net::StreamSocketImpl(::dup(peer.fd()))), context);
  }
  SecureStreamSocket socket_;
};

class TlsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::signal(SIGPIPE, SIG_IGN);  // as main() does: OpenSSL writes without MSG_NOSIGNAL
    Poco::Net::initializeSSL();
    (void)context("good");  // before the first client reads its authority
  }

  static Context::Ptr context(const std::string& name) {
    const Certificates& certificates = Certificates::shared();
    return new Context(Context::SERVER_USE, certificates.path(name + ".key"),
                       certificates.path(name + ".pem"), "", Context::VERIFY_NONE, 9, false,
                       "ALL:@SECLEVEL=0");
  }
  /// A server that plays one script per connection.
  using Script = std::function<void(TlsPeer&)>;
  static std::vector<ScriptedServer::Script> scripts(const Context::Ptr& with,
                                                     const std::vector<Script>& all) {
    std::vector<ScriptedServer::Script> out;
    for (const Script& script : all) {
      out.push_back([with, script](Peer& peer) {
        TlsPeer tls(peer, with);
        script(tls);
      });
    }
    return out;
  }
  static std::string url(const ScriptedServer& server, const std::string& host = "127.0.0.1") {
    return "https://" + host + ":" + server.port();
  }

  /// Expects that a client sends no request to a server with this certificate.
  static void expect_rejected(const Context::Ptr& with, const std::string& host = "127.0.0.1") {
    std::string request;
    {
      ScriptedServer server(scripts(with, {[&](TlsPeer& peer) { request = peer.request(); }}));
      ClientEnd client;
      HttpClient http({url(server, host), 5s, 5s, 5s});
      const auto sent = http.send(kGet, client.waiter());
      ASSERT_FALSE(sent);
      EXPECT_EQ(sent.error().kind, Error::unreachable);
      EXPECT_FALSE(sent.error().detail.empty());
    }
    EXPECT_EQ(request, "");
  }
};

TEST_F(TlsTest, AServerWithAGoodCertificateServesManyRequestsOnOneConnection) {
  for (const char* host : {"127.0.0.1", "localhost"}) {
    ScriptedServer server(scripts(context("good"), {[](TlsPeer& peer) {
                                    while (!peer.request().empty()) peer.send(kHello);
                                  }}));
    ClientEnd client;
    HttpClient http({url(server, host), 5s, 5s, 5s});
    for (int i = 0; i < 3; ++i) {
      auto sent = http.send(kGet, client.waiter());
      ASSERT_TRUE(sent) << sent.error().detail;
      EXPECT_EQ(*(*sent)->read(), "hello");
    }
  }
}

TEST_F(TlsTest, ACertificateOfAnotherNameIsRejected) { expect_rejected(context("other-name")); }
TEST_F(TlsTest, AnExpiredCertificateIsRejected) { expect_rejected(context("expired")); }
TEST_F(TlsTest, ACertificateOfAnUnknownAuthorityIsRejected) {
  expect_rejected(context("unknown-authority"));
}

std::string text_of(const std::string& file) {
  std::ifstream in(Certificates::shared().path(file));
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(TlsTest, AnAuthorityOfTheConfigurationIsTrustedBesideThoseOfTheSystem) {
  const auto reaches = [](const char* certificate) {
    ScriptedServer server(scripts(context(certificate), {[](TlsPeer& peer) {
                                    if (!peer.request().empty()) peer.send(kHello);
                                  }}));
    ClientEnd client;
    HttpClient http({url(server), 5s, 5s, 5s});
    return bool(http.send(kGet, client.waiter()));
  };
  trust_authorities(text_of("stranger.pem"));
  EXPECT_TRUE(reaches("unknown-authority"));
  EXPECT_TRUE(reaches("good"));
  EXPECT_FALSE(reaches("expired"));
  trust_authorities("");
  EXPECT_FALSE(reaches("unknown-authority"));
}

TEST_F(TlsTest, AFileOfAuthoritiesHasWholeCertificates) {
  const std::string good = text_of("ca.pem"), two = good + text_of("stranger.pem");
  EXPECT_EQ(fault_of_authorities(good), "");
  EXPECT_EQ(fault_of_authorities("# ours\n" + two), "");
  EXPECT_EQ(fault_of_authorities(""), "it has no certificate");
  EXPECT_EQ(fault_of_authorities(text_of("ca.key")), "it has no certificate");
  EXPECT_EQ(fault_of_authorities(two.substr(0, two.size() - 100)), "certificate 2 is damaged");
  std::string damaged = good;
  damaged[good.size() / 2] = '!';
  EXPECT_EQ(fault_of_authorities(damaged), "certificate 1 is damaged");
}

TEST_F(TlsTest, ATunnelThroughAProxyIsSecuredWithTheServerBehindIt) {
  std::string connect;
  {
    ScriptedServer proxy({[&](Peer& raw) {
      connect = raw.request();
      raw.send("HTTP/1.1 200 Connection established\r\n\r\n");
      const auto with = context("good");
      TlsPeer peer(raw, with);
      while (!peer.request().empty()) peer.send(kHello);
    }});
    HttpClient::Options options{"https://localhost:1", 5s, 5s, 5s};
    options.proxy = [&](const Endpoint&) { return Proxy{"127.0.0.1", proxy.port_number()}; };
    ClientEnd client;
    HttpClient http(std::move(options));
    for (int i = 0; i < 2; ++i) {
      auto sent = http.send(kGet, client.waiter());
      ASSERT_TRUE(sent) << sent.error().detail;
      EXPECT_EQ(*(*sent)->read(), "hello");
      EXPECT_EQ(*(*sent)->read(), "");
    }
  }
  EXPECT_TRUE(connect.starts_with("CONNECT localhost:1 HTTP/1.1\r\n")) << connect;
}

TEST_F(TlsTest, AnythingOlderThanTls12IsRejected) {
  auto old = context("good");
  old->disableProtocols(Context::PROTO_TLSV1_2 | Context::PROTO_TLSV1_3);
  expect_rejected(old);
  auto newest_old = context("good");
  newest_old->disableProtocols(Context::PROTO_TLSV1_3);
  std::string request;
  {
    ScriptedServer server(scripts(newest_old, {[&](TlsPeer& peer) { request = peer.request(); }}));
    ClientEnd client;
    HttpClient http({url(server), 5s, 5s, 5s});
    (void)http.send(kGet, client.waiter());
  }
  EXPECT_NE(request, "");
}

TEST_F(TlsTest, ALargeRequestAndALargeResponsePassWhole) {
  const std::string large = std::string(20u << 20, 'x') + "end";
  std::size_t received = 0;
  ScriptedServer server(scripts(context("good"), {[&](TlsPeer& peer) {
                                  received = peer.read_to("end").size();
                                  peer.send("HTTP/1.1 200 OK\r\nContent-Length: " +
                                            std::to_string(large.size()) + "\r\n\r\n");
                                  peer.send(large);
                                }}));
  ClientEnd client;
  HttpClient http({url(server), 5s, 5s, 5s});
  auto sent = http.send({"POST", "/", {}, large}, client.waiter());
  ASSERT_TRUE(sent);
  std::size_t size = 0;
  for (;;) {
    const auto piece = (*sent)->read();
    ASSERT_TRUE(piece);
    if (piece->empty()) break;
    size += piece->size();
  }
  EXPECT_EQ(size, large.size());
  EXPECT_GT(received, large.size());
}

TEST_F(TlsTest, AClientThatLeavesWhileTheServerIsSilentEndsTheRequest) {
  std::string rest = "?";
  {
    ScriptedServer server(scripts(context("good"), {[&](TlsPeer& peer) {
                                    peer.request();
                                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
                                    rest = peer.request();  // ends when the client closes
                                  }}));
    ClientEnd client;
    HttpClient http({url(server), 5s, 5s, 5s});
    auto sent = http.send(kGet, client.waiter());
    ASSERT_TRUE(sent);
    EXPECT_EQ(*(*sent)->read(), "hello");
    client.leaves_at_wait(1);
    EXPECT_EQ((*sent)->read().error().kind, Error::gone);
  }
  EXPECT_EQ(rest, "");
}

/// As other connections, and plugins that use OpenSSL, do on the same thread while this one waits.
TEST_F(TlsTest, ErrorsThatOthersLeaveOnTheThreadBreakNoConnection) {
  ScriptedServer server(scripts(context("good"), {[](TlsPeer& peer) {
                                  while (!peer.request().empty()) peer.send(kHello);
                                }}));
  const auto leave_error = [] {
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    return Clock::time_point::max();
  };
  Waiter waiter(-1, -1, Clock::now() + 5s, leave_error);
  HttpClient http({url(server), 5s, 5s, 5s});
  for (int i = 0; i < 2; ++i) {
    (void)leave_error();
    auto sent = http.send(kGet, waiter);
    ASSERT_TRUE(sent) << sent.error().detail;
    EXPECT_EQ(*(*sent)->read(), "hello");
    EXPECT_EQ(*(*sent)->read(), "");
  }
}

TEST_F(TlsTest, AResponseWithoutLengthThatIsCutOffIsBroken) {
  for (const bool properly : {true, false}) {
    ScriptedServer server({[&](Peer& raw) {
      const auto with = context("good");
      TlsPeer peer(raw, with);
      peer.request();
      peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
      // Without the close_notify of TLS, as an attacker who cuts the line would do.
      if (!properly) ::shutdown(raw.fd(), SHUT_RDWR);
    }});
    ClientEnd client;
    HttpClient http({url(server), 5s, 5s, 5s});
    auto sent = http.send(kGet, client.waiter());
    ASSERT_TRUE(sent);
    EXPECT_EQ(*(*sent)->read(), "hello");
    EXPECT_EQ(bool((*sent)->read()), properly);
  }
}

TEST_F(TlsTest, ServersThatFallSilentOrGiveUpInTheHandshake) {
  const auto silent = [](Peer& peer) { peer.rest(); };
  const auto closes_after = [](std::string_view bytes) {
    return [bytes](Peer& peer) {
      char hello[4096];
      EXPECT_GT(::recv(peer.fd(), hello, sizeof hello, 0), 0);
      peer.send(bytes);
    };
  };
  constexpr std::string_view kCloseNotify("\x15\x03\x03\x00\x02\x01\x00", 7);
  ScriptedServer server({silent, silent, closes_after(""),
                         closes_after("HTTP/1.1 400 Bad Request\r\n\r\n"),
                         closes_after(kCloseNotify)});
  HttpClient hasty({url(server), 20ms, 5s, 5s}), patient({url(server), 5s, 5s, 5s});
  const auto kind = [](HttpClient& http, int leaves_at) {
    ClientEnd client;
    client.leaves_at_wait(leaves_at);
    const auto sent = http.send(kGet, client.waiter());
    return sent.error().kind;
  };
  EXPECT_EQ(kind(hasty, 0), Error::connect_timeout);
  EXPECT_EQ(kind(patient, 2), Error::gone);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(kind(patient, 0), Error::unreachable);
}

}  // namespace
}  // namespace gatehouse::core
