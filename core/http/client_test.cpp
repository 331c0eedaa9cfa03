#include "core/http/client.h"

#include <Poco/Net/StreamSocketImpl.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <stdexcept>
#include <thread>

#include "tests/core/client_end.h"
#include "tests/core/scripted_server.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const HttpClient::Request kGet{"GET", "/", {}, {}};

HttpClient::Options options(const std::string& url) { return {url, 5s, 5s, 5s}; }

/// The outcome of a request: its status and whole body, and the kind of error that ended it.
struct Outcome {
  int status = 0;
  std::string body;
  std::optional<Error::Kind> error;
};

Outcome fetch(HttpClient& client, Waiter& waiter, const HttpClient::Request& request = kGet) {
  Outcome out;
  auto sent = client.send(request, waiter);
  if (!sent) {
    out.error = sent.error().kind;
    return out;
  }
  const auto response = *std::move(sent);
  out.status = response->status();
  for (;;) {
    const auto piece = response->read();
    if (!piece) {
      out.error = piece.error().kind;
      return out;
    }
    if (piece->empty()) return out;
    out.body += *piece;
  }
}

/// The outcome of one request to a server that reads it, sends `response` and closes.
Outcome answered(const std::string& response, const HttpClient::Request& request = kGet) {
  ScriptedServer server({[&](Peer& peer) {
    peer.request();
    peer.send(response);
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  return fetch(http, client.waiter(), request);
}

/// A server that keeps the connection open and silent after it has sent `bytes`.
ScriptedServer::Script silent_after(std::string_view bytes, bool& saw_end) {
  return [bytes, &saw_end](Peer& peer) {
    peer.request();
    peer.send(bytes);
    saw_end = peer.sees_end();
  };
}

TEST(HttpClient, SendsExactlyWhatItIsGiven) {
  std::string get, post;
  ScriptedServer server({[&](Peer& peer) {
    get = peer.request();
    peer.send(kHello);
    post = peer.request();
    peer.send(kHello);
  }});
  ClientEnd client;
  HttpClient http(options(server.url() + "/v1/"));
  fetch(http, client.waiter(),
        {"GET", "/models?alt=sse", {{"Accept", "text/event-stream"}, {"user-agent", "mine"}}, {}});
  fetch(http, client.waiter(),
        {"POST", "/chat", {{"Content-Type", "application/json"}, {"X-Key", "k"}}, "{}"});
  EXPECT_EQ(get, "GET /v1/models?alt=sse HTTP/1.1\r\nHost: 127.0.0.1:" + server.port() +
                     "\r\nAccept: text/event-stream\r\nuser-agent: mine\r\n\r\n");
  EXPECT_EQ(post, "POST /v1/chat HTTP/1.1\r\nHost: 127.0.0.1:" + server.port() +
                      "\r\nContent-Type: application/json\r\nX-Key: k\r\nUser-Agent: "
                      "gatehouse/" GATEHOUSE_VERSION "\r\nContent-Length: 2\r\n\r\n{}");
}

TEST(HttpClient, AnEmptyBodyHasALengthWhereOneIsExpected) {
  std::string post;
  ScriptedServer server({[&](Peer& peer) {
    post = peer.request();
    peer.send(kHello);
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  fetch(http, client.waiter(), {"POST", "/", {}, {}});
  EXPECT_NE(post.find("\r\nContent-Length: 0\r\n"), post.npos) << post;
}

TEST(HttpClient, ALargeBodyArrivesWhole) {
  const std::string body(20u << 20, 'x');
  std::string request;
  ScriptedServer server({[&](Peer& peer) {
    request = peer.request();
    peer.send(kHello);
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  EXPECT_EQ(fetch(http, client.waiter(), {"POST", "/", {}, body}).body, "hello");
  EXPECT_EQ(request.size() - request.find("\r\n\r\n") - 4, body.size());
}

TEST(HttpClient, AConnectionIsUsedForTheNextRequest) {
  ScriptedServer server({[](Peer& peer) {
    while (!peer.request().empty()) peer.send(kHello);
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(fetch(http, client.waiter()).body,
              "hello");  // a second connection would not be accepted
}

TEST(HttpClient, AConnectionIsNotUsedAgainIfItsResponseSaysSoOrWasNotRead) {
  const auto once = [](std::string_view response) {
    return [response](Peer& peer) {
      peer.request();
      peer.send(response);
      EXPECT_TRUE(peer.sees_end());
    };
  };
  ScriptedServer server(
      {once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"),
       once("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
       once("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more"),
       once("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello"), once(kHello)});
  ClientEnd client;
  HttpClient http(options(server.url()));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch(http, client.waiter()).body, "hello");
  EXPECT_EQ((*http.send(kGet, client.waiter()))->status(), 200);  // and drops it unread
  EXPECT_EQ(fetch(http, client.waiter()).body, "hello");
}

TEST(HttpClient, AnIdleConnectionThatTheServerClosedOrSpokeOnIsNotUsed) {
  std::promise<void> read, spoken;
  const auto hello = [](Peer& peer) {
    peer.request();
    peer.send(kHello);
  };
  ScriptedServer server({hello,
                         [&](Peer& peer) {
                           hello(peer);
                           read.get_future().wait();
                           peer.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
                           spoken.set_value();
                           EXPECT_TRUE(peer.sees_end());
                         },
                         hello});
  ClientEnd client;
  HttpClient http(options(server.url()));
  EXPECT_EQ(fetch(http, client.waiter()).body, "hello");
  server.wait_for_end_of(1);
  EXPECT_EQ(fetch(http, client.waiter()).body, "hello");
  read.set_value();
  spoken.get_future().wait();
  EXPECT_EQ(fetch(http, client.waiter()).body, "hello");
}

TEST(HttpClient, AConnectionIsKeptForLessThanTheServerSays) {
  const auto once = [](std::string_view keep_alive) {
    return [keep_alive](Peer& peer) {
      peer.request();
      peer.send("HTTP/1.1 200 OK\r\n" + std::string(keep_alive) +
                "\r\nContent-Length: 5\r\n\r\nhello");
      EXPECT_TRUE(peer.sees_end());
    };
  };
  ScriptedServer server(
      {once("Keep-Alive: timeout=1"), once("keep-alive: max=5, Timeout=0"), [](Peer& peer) {
         peer.request();
         peer.send(
             "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=60, max=5\r\nContent-Length: 5\r\n\r\nhello");
         peer.request();
         peer.send(kHello);
       }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fetch(http, client.waiter()).body, "hello");
}

TEST(HttpClient, AConnectionIsNotUsedForLongerThanItsLife) {
  const auto once = [](Peer& peer) {
    peer.request();
    peer.send(kHello);
    EXPECT_TRUE(peer.sees_end());
  };
  ScriptedServer server({once, once});
  ClientEnd client;
  HttpClient http({server.url(), 5s, 5s, 5s, 1ns});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(fetch(http, client.waiter()).body, "hello");
}

/// A server that keeps a connection and closes it when the second request has arrived, and the
/// server of the next connection.
std::vector<ScriptedServer::Script> closes_at_second_request(
    std::string_view response_to_second = {}) {
  return {[=](Peer& peer) {
            peer.request();
            peer.send(kHello);
            peer.request();
            peer.send(response_to_second);
          },
          [](Peer& peer) {
            peer.request();
            peer.send(kHello);
          }};
}

TEST(HttpClient, AnIdempotentRequestThatMetTheEndOfAKeptConnectionIsRetried) {
  for (const char* method : {"GET", "HEAD", "DELETE"}) {
    ScriptedServer server(closes_at_second_request());
    ClientEnd client;
    HttpClient http(options(server.url()));
    EXPECT_EQ(fetch(http, client.waiter()).status, 200);
    EXPECT_EQ(fetch(http, client.waiter(), {method, "/", {}, {}}).status, 200) << method;
  }
}

TEST(HttpClient, ARequestThatMayHaveBeenProcessedIsNotRetried) {
  ClientEnd client;
  const auto second = [&](std::string_view method, std::string_view response) {
    ScriptedServer server(closes_at_second_request(response));
    HttpClient http(options(server.url()));
    EXPECT_EQ(fetch(http, client.waiter()).status, 200);
    const Outcome out = fetch(http, client.waiter(), {method, "/", {}, {}});
    (void)fetch(http, client.waiter());  // the second connection, so that the server ends
    return out.error;
  };
  EXPECT_EQ(second("POST", ""), Error::broken);
  EXPECT_EQ(second("GET", "HTTP/1.1 2"), Error::broken);
  EXPECT_EQ(answered("").error, Error::broken) << "nor on a new connection";
}

TEST(HttpClient, ARequestThatWasNotSentInFullIsRetried) {
  ScriptedServer server({[](Peer& peer) {
                           peer.request();
                           peer.send(kHello);
                           char some[1024];
                           EXPECT_GT(::recv(peer.fd(), some, sizeof some, 0), 0);
                           peer.reset_at_close();
                         },
                         [](Peer& peer) {
                           peer.request();
                           peer.send(kHello);
                         }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  EXPECT_EQ(fetch(http, client.waiter()).body, "hello");
  EXPECT_EQ(fetch(http, client.waiter(), {"POST", "/", {}, std::string(20u << 20, 'x')}).body,
            "hello");
}

TEST(HttpClient, AResponseThatArrivesBeforeTheRequestIsSentIsRead) {
  ScriptedServer server({[](Peer& peer) {
    char some[1024];
    EXPECT_GT(::recv(peer.fd(), some, sizeof some, 0), 0);
    peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  EXPECT_EQ(fetch(http, client.waiter(), {"POST", "/", {}, std::string(20u << 20, 'x')}).status,
            413);
}

TEST(HttpClient, ReadsTheFramingsOfAResponse) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\n\r\nto the end").body, "to the end");
  EXPECT_EQ(answered("HTTP/1.0 200 OK\r\n\r\nto the end").body, "to the end");
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: y\r\n\r\n")
                .body,
            "hello");
  EXPECT_EQ(answered("HTTP/1.1 204 No Content\r\n\r\n").status, 204);
  EXPECT_EQ(answered("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").status, 304);
  for (const char* whole : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"})
    EXPECT_FALSE(answered(whole).error) << whole;
}

TEST(HttpClient, AResponseToHeadHasNoBody) {
  const Outcome out =
      answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {"HEAD", "/", {}, {}});
  EXPECT_EQ(out.status, 200);
  EXPECT_FALSE(out.error);
}

TEST(HttpClient, ATruncatedResponseIsBroken) {
  for (const char* part :
       {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nX: y\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n"}) {
    EXPECT_EQ(answered(part).error, Error::broken) << part;
  }
}

TEST(HttpClient, AResetConnectionIsBroken) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
    peer.reset_at_close();
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  EXPECT_EQ(fetch(http, client.waiter()).error, Error::broken);
}

TEST(HttpClient, WhatIsNotHttpIsBroken) {
  for (const std::string& garbage :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("HTTP/2 200\r\n\r\n"),
        std::string("HTTP/1.1 20 OK\r\n\r\n"), std::string(100, '\0'),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello")}) {
    EXPECT_EQ(answered(garbage).error, Error::broken) << garbage;
  }
}

TEST(HttpClient, AHeadBeyond64KiBIsBroken) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n").error,
            Error::broken);
  std::string fields;
  for (int i = 0; i < 10'000; ++i) fields += "X-Name: y\r\n";
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\n" + fields + "\r\n").error, Error::broken);
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nX: " + std::string(60 << 10, 'x') +
                     "\r\nContent-Length: 5\r\n\r\nhello")
                .body,
            "hello");
}

TEST(HttpClient, InterimResponsesAreSkippedAndRedirectsAreNot) {
  EXPECT_EQ(answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
                     std::string(kHello))
                .body,
            "hello");
  const Outcome redirect = answered(
      "HTTP/1.1 307 Temporary Redirect\r\nLocation: /other\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(redirect.status, 307);
  EXPECT_EQ(redirect.body, "no");
}

TEST(HttpClient, ResponseHeadersAreFoundInAnyCase) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nRetry-After:  3 \r\nX-Empty:\r\nContent-Length: 0\r\n\r\n");
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  const auto response = *http.send(kGet, client.waiter());
  EXPECT_EQ(response->header("retry-after"), "3");
  EXPECT_TRUE(response->header("X-Empty").data());
  EXPECT_FALSE(response->header("X-Absent").data());
}

TEST(HttpClient, AFoldedHeaderIsOneLine) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nX-A: a\r\n \tb\r\nX-B:\r\n c\r\nContent-Length: 0\r\n\r\n");
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  const auto sent = http.send(kGet, client.waiter());
  ASSERT_TRUE(sent) << sent.error().detail;
  EXPECT_EQ((*sent)->header("X-A"), "a b");
  EXPECT_EQ((*sent)->header("X-B"), "c");
}

TEST(HttpClient, ReadsEventsAsTheyCome) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n9\r\n: "
        "one\n\nda\r\n8\r\nta:two\n\n\r\n0\r\n\r\n");
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  const auto response = *http.send(kGet, client.waiter());
  std::vector<std::string> events;
  for (;;) {
    const auto next = response->next_event();
    ASSERT_TRUE(next);
    if (!*next) break;
    events.emplace_back((*next)->data);
  }
  EXPECT_EQ(events, (std::vector<std::string>{"one", "two"}));
}

TEST(HttpClient, AClientThatLeavesIsSeenWhileEventsThatCameAtOnceAreRead) {
  std::string events;
  for (int i = 0; i < 400; ++i) events += "data:x\n\n";
  ScriptedServer server({[&](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(events.size()) + "\r\n\r\n" +
              events);
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  const auto response = *http.send(kGet, client.waiter());
  auto next = response->next_event();
  client.leave();
  int left = 400;
  for (; left > 0 && next; --left) {
    std::this_thread::sleep_for(1ms);  // a plugin that processes each
    next = response->next_event();
  }
  EXPECT_GT(left, 0);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().kind, Error::gone);
}

TEST(HttpClient, AnEventBeyondTheLimitIsTooLarge) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\n\r\ndata:" + std::string(kMaxSseEvent + (1 << 20), 'x'));
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  const auto next = (*http.send(kGet, client.waiter()))->next_event();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().kind, Error::too_large);
}

// ---- Waiting -----------------------------------------------------------------------------------

TEST(HttpClient, ASilentServerIsATimeoutBeforeTheHeadAndInTheBody) {
  bool saw_end[3] = {};
  ScriptedServer server(
      {silent_after("", saw_end[0]),
       silent_after("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200", saw_end[1]),
       silent_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                    saw_end[2])});
  ClientEnd client;
  HttpClient http({server.url(), 5s, 20ms, 20ms});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(fetch(http, client.waiter()).error, Error::timeout);
  HttpClient patient({server.url(), 5s, 5s, 20ms});
  const Outcome in_body = fetch(patient, client.waiter());
  EXPECT_EQ(in_body.body, "hello");
  EXPECT_EQ(in_body.error, Error::timeout);
  server.wait_for_end_of(3);
  for (const bool saw : saw_end) EXPECT_TRUE(saw);
}

TEST(HttpClient, AClientThatLeavesEndsTheUpstreamRequestBeforeTheHeadAndInTheBody) {
  bool saw_end[2] = {};
  ScriptedServer server(
      {silent_after("", saw_end[0]),
       silent_after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", saw_end[1])});
  HttpClient http(options(server.url()));
  {
    ClientEnd client;
    client.leaves_at_wait(2);  // the first is for the connection
    EXPECT_EQ(fetch(http, client.waiter()).error, Error::gone);
  }
  {
    ClientEnd client;
    const auto response = *http.send(kGet, client.waiter());
    EXPECT_EQ(*response->read(), "hello");
    client.leaves_at_wait(1);
    EXPECT_EQ(response->read().error().kind, Error::gone);
  }
  server.wait_for_end_of(2);
  EXPECT_TRUE(saw_end[0] && saw_end[1]);
}

TEST(HttpClient, AConnectionThatIsNotMadeEndsWithTheTimeOrTheClient) {
  FullListener listener;
  HttpClient http({listener.url(), 20ms, 5s, 5s}), patient(options(listener.url()));
  ClientEnd stays, leaves, late(Clock::now() + 20ms), stopped;
  leaves.leaves_at_wait(1);
  stopped.stop();
  EXPECT_EQ(fetch(http, stays.waiter()).error, Error::connect_timeout);
  EXPECT_EQ(fetch(patient, leaves.waiter()).error, Error::gone);
  EXPECT_EQ(fetch(patient, late.waiter()).error, Error::cancelled);
  EXPECT_EQ(fetch(patient, stopped.waiter()).error, Error::cancelled);
}

TEST(HttpClient, TheDeadlineAndTheEndOfTheGatewayCancel) {
  bool saw_end[2] = {};
  ClientEnd late(Clock::now() + 20ms), stopped;
  ScriptedServer server({silent_after("", saw_end[0]), [&](Peer& peer) {
                           peer.request();
                           stopped.stop();
                           saw_end[1] = peer.sees_end();
                         }});
  for (ClientEnd* client : {&late, &stopped}) {
    HttpClient http(options(server.url()));
    EXPECT_EQ(fetch(http, client->waiter()).error, Error::cancelled);
  }
  server.wait_for_end_of(2);
  EXPECT_TRUE(saw_end[0] && saw_end[1]);
}

// ---- Connecting --------------------------------------------------------------------------------

TEST(HttpClient, WhereNobodyListensIsUnreachable) {
  std::string url;
  {
    const Listener listener;
    url = listener.url();
  }
  ClientEnd client;
  HttpClient http(options(url));
  EXPECT_EQ(fetch(http, client.waiter()).error, Error::unreachable);
}

TEST(HttpClient, ANameIsLookedUpAndAllItsAddressesAreTried) {
  const auto hello = [](Peer& peer) {
    peer.request();
    peer.send(kHello);
  };
  ScriptedServer server({hello, hello});
  for (int i = 0; i < 2; ++i) {  // the second look-up is remembered
    ClientEnd client;
    HttpClient http(options("http://localhost:" + server.port()));
    EXPECT_EQ(fetch(http, client.waiter()).body, "hello");
  }
}

TEST(HttpClient, ABaseUrlIsAnHttpUrlOfAHostAndAPath) {
  for (const char* good :
       {"http://127.0.0.1", "http://localhost:1/v1beta/", "HTTP://a", "http://[::1]:80/x"})
    EXPECT_NO_THROW(HttpClient{options(good)}) << good;
  for (const char* bad :
       {"", "a", "//a", "http:", "http://", "http:///a", "ftp://a", "ws://a", "http://a:b",
        "http://a:65536", "http://a:-1", "http://[::1", "http://u:p@a", "http://a/?b",
        "http://a/#b", "http://a b/", "http://a\r\nX/", "http://\xc3\xa4/"}) {
    EXPECT_THROW(HttpClient{options(bad)}, std::invalid_argument) << bad;
  }
}

TEST(HttpClient, ItsSocketsAreNotInheritedByOtherPrograms) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send(kHello);
    peer.sees_end();
  }});
  ClientEnd client;
  HttpClient http(options(server.url()));
  fetch(http, client.waiter());
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 ||
        peer.sin_family != AF_INET || std::to_string(ntohs(peer.sin_port)) != server.port())
      continue;
    ++found;
    EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC);
  }
  EXPECT_EQ(found, 1);
}

/// The requests of one loop, on a thread of its own: the numbers of the connections that they used.
std::string connections_of_loop(HttpClient& http, int requests) {
  std::string used;
  std::thread([&] {
    Loop loop;
    loop.start([&] {
      ClientEnd client;
      for (int i = 0; i < requests; ++i) used += fetch(http, client.waiter()).body;
    });
    loop.stop();
    loop.run();
  }).join();
  return used;
}

TEST(HttpClient, EachLoopKeepsItsOwnConnections) {
  std::vector<std::thread> servers;
  auto with_dial = options("http://gatehouse.test");
  with_dial.dial = [&](Waiter&, Clock::time_point) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const std::string number = std::to_string(servers.size());
    servers.emplace_back([number, end = ends[1]] {
      Peer peer(end);
      while (!peer.request().empty())
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + number);
    });
    Poco::Net::StreamSocket socket(new Poco::Net::StreamSocketImpl(ends[0]));
    socket.setBlocking(false);
    return Result<Poco::Net::StreamSocket>(socket);
  };
  {
    HttpClient http(std::move(with_dial));
    EXPECT_EQ(connections_of_loop(http, 3), "000");
    EXPECT_EQ(connections_of_loop(http, 3), "111");
  }
  for (std::thread& server : servers) server.join();
}

}  // namespace
}  // namespace gatehouse::core
