#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/http/sse.h"
#include "gatehouse/text.hpp"
#include "tests/core/request.h"
#include "tests/core/scripted_server.h"

namespace gatehouse::core {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello";

struct Drop {
  void operator()(gh_http_client* client) const { http_table().drop(client); }
  void operator()(gh_http_response* answer) const { http_table().close(answer); }
};
using Client = std::unique_ptr<gh_http_client, Drop>;
using Answer = std::unique_ptr<gh_http_response, Drop>;

const gh_host* created = nullptr;  // the host of the instance that was created last

/// A plugin's instance whose upstreams are reached as `upstream` says.
class Owner {
 public:
  explicit Owner(const UpstreamSettings& upstream = {})
      : instance_(plugin(), "owner", "{}", {gateway_, {}, nullptr, false, upstream},
                  {routes_, routes_, around_, failure_forms_, models_, problem, problem}) {}
  const gh_host* host() const { return host_; }

 private:
  static const gh_plugin& plugin() {
    static gh_plugin p{};
    p.create = [](const gh_host* h, const gh_json*, void**) -> gh_status {
      created = h;
      return GH_OK;
    };
    p.destroy = [](void*) {};
    return p;
  }
  static void problem(std::string_view, std::string_view text) { ADD_FAILURE() << text; }

  Log log_{LogSettings{"error", ""}};
  Gateway gateway_{log_, StoreSettings{{}, 1 << 20}};
  std::vector<Route> routes_;
  OfferedModels models_;
  std::vector<Around> around_;
  std::vector<FailureForm> failure_forms_;
  const Instance instance_;
  const gh_host* const host_ = created;
};

Client open(const std::string& url, std::chrono::nanoseconds patience = 5s) {
  const gh_http_options options{sizeof options,  0, raw(url), patience.count(), patience.count(),
                                patience.count()};
  gh_str error{};
  static const Owner& owner = *new Owner;  // which may not end after the thread's own objects
  return Client(http_table().open(owner.host(), &options, &error));
}

gh_status send(const Client& client, Exchange& x, Answer& answer,
               std::vector<gh_http_header> headers = {}, std::string_view path = "/",
               std::string_view method = "GET") {
  const gh_http_request request{sizeof request, 0,  raw(method), raw(path), headers.data(),
                                headers.size(), {}, 0,           0};
  gh_http_response* out = nullptr;
  const gh_status status = http_table().send(client.get(), &x, &request, &out);
  answer.reset(out);
  return status;
}

/// The status of the failure after one request to a server that reads it and plays `script`.
int failure_after(const ScriptedServer::Script& script, std::string_view code) {
  ScriptedServer server({[&](Peer& peer) {
    peer.request();
    script(peer);
  }});
  const Client client = open(server.url(), 20ms);
  Request r;
  Answer answer;
  EXPECT_EQ(send(client, r.x, answer), GH_FAILED);
  if (!r.x.failure()) return 0;
  EXPECT_EQ(r.x.failure()->code, code);
  return r.x.failure()->http_status;
}

TEST(HttpTable, WhatIsAskedForARequestBelongsToItsTrace) {
  std::vector<std::string> heads;
  const auto script = [&](Peer& peer) {
    heads.push_back(peer.request());
    peer.send(kHello);
  };
  ScriptedServer server({script, script, script});
  const Client client = open(server.url());
  Request r("GET /",
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: "
            "a=1\r\n");
  Answer answer;
  ASSERT_EQ(send(client, r.x, answer), GH_OK);
  ASSERT_EQ(send(client, r.x, answer, {{raw("Traceparent"), raw("own")}}), GH_OK);
  Request without_state;
  ASSERT_EQ(send(client, without_state.x, answer), GH_OK);

  const auto has = [&](std::size_t head, const std::string& line) {
    return heads.at(head).find("\r\n" + line + "\r\n") != std::string::npos;
  };
  EXPECT_TRUE(has(0, "traceparent: " + r.x.trace().parent)) << heads[0];
  EXPECT_TRUE(has(0, "tracestate: a=1")) << heads[0];
  EXPECT_TRUE(has(1, "Traceparent: own")) << heads[1];
  EXPECT_EQ(heads[1].find("trace", heads[1].find("own")), std::string::npos) << heads[1];
  EXPECT_TRUE(has(2, "traceparent: " + without_state.x.trace().parent)) << heads[2];
  EXPECT_EQ(heads[2].find("tracestate"), std::string::npos) << heads[2];
}

TEST(HttpTable, EachHeaderOfAnAnswerCanBeRead) {
  ScriptedServer server({[&](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n");
  }});
  const Client client = open(server.url());
  Request r;
  Answer answer;
  ASSERT_EQ(send(client, r.x, answer), GH_OK);

  gh_str name{}, value{};
  EXPECT_EQ(http_table().header_at(answer.get(), 1, &name, &value), GH_OK);
  EXPECT_EQ(view(name), "set-cookie");
  EXPECT_EQ(view(value), "b=2");
  EXPECT_EQ(http_table().header_at(answer.get(), 2, nullptr, nullptr), GH_OK);
  EXPECT_EQ(http_table().header_at(answer.get(), 3, &name, &value), GH_ABSENT);
}

TEST(HttpTable, ARequestMayHaveMoreTimeThanOthers) {
  ScriptedServer server({[&](Peer& peer) {
    peer.request();
    std::this_thread::sleep_for(100ms);
    peer.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 33\r\n\r\nretry: "
        "500\nid: 7\ndata: x\n\nid: 8\n\n");
  }});
  const Client client = open(server.url(), 20ms);
  Request r;
  const gh_http_request request{sizeof request,
                                0,
                                raw("GET"),
                                raw("/"),
                                nullptr,
                                0,
                                {},
                                std::chrono::nanoseconds(5s).count(),
                                0};
  gh_http_response* out = nullptr;
  ASSERT_EQ(http_table().send(client.get(), &r.x, &request, &out), GH_OK);
  const Answer answer(out);

  gh_sse_event event{};
  event.size = sizeof event;
  ASSERT_EQ(http_table().event(answer.get(), &event), GH_OK);
  EXPECT_EQ(view(event.id), "7");
  EXPECT_EQ(event.retry_ns, std::chrono::nanoseconds(500ms).count());
  ASSERT_EQ(http_table().event(answer.get(), &event), GH_ABSENT);
  EXPECT_EQ(view(event.id), "8");
}

TEST(HttpTable, ABadBaseUrlIsExplained) {
  const gh_http_options options{sizeof options, 0, raw("ftp://a"), 1, 1, 1};
  gh_str error{};
  EXPECT_EQ(http_table().open(Owner().host(), &options, &error), nullptr);
  EXPECT_EQ(view(error), "must begin with http:// or https://");
}

TEST(HttpTable, ARefusalOfTheProxyIsAFailureThatNamesTheRemedy) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 407 No\r\n\r\n");
  }});
  UpstreamSettings upstream;
  upstream.https_proxy = Proxy{"127.0.0.1", server.port_number(), "Basic SECRET"};
  const Owner owner(upstream);
  const gh_http_options options{
      sizeof options, 0, raw("https://a.example"), 5'000'000'000, 5'000'000'000, 5'000'000'000};
  gh_str error{};
  const Client client(http_table().open(owner.host(), &options, &error));
  Request r;
  Answer answer;
  EXPECT_EQ(send(client, r.x, answer), GH_FAILED);
  const Failure& failure = r.x.failure().value();
  EXPECT_EQ(failure.http_status, 502);
  EXPECT_EQ(failure.code, "upstream_proxy_refused");
  EXPECT_EQ(failure.detail, "the proxy 127.0.0.1:" + server.port() +
                                " responded with 407 to a request for a.example:443: set its user "
                                "and password in `upstream.proxy`");
}

TEST(HttpTable, AnAnswerIsReadToItsEnd) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send(kHello);
  }});
  const Client client = open(server.url());
  Request r;
  Answer answer;
  ASSERT_EQ(send(client, r.x, answer), GH_OK);
  EXPECT_EQ(http_table().status(answer.get()), 200);
  EXPECT_EQ(view(http_table().header(answer.get(), raw("x-a"))), "b");
  EXPECT_EQ(http_table().header(answer.get(), raw("x-b")).p, nullptr);
  gh_str piece{};
  EXPECT_EQ(http_table().read(answer.get(), &piece), GH_OK);
  EXPECT_EQ(view(piece), "hello");
  EXPECT_EQ(http_table().read(answer.get(), &piece), GH_ABSENT);
  EXPECT_EQ(http_table().read(answer.get(), &piece), GH_ABSENT);
}

TEST(HttpTable, EventsComeOneByOne) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\n\r\nevent: a\nid: 1\ndata: x\n\ndata: y\n\ndata: unfinished");
  }});
  const Client client = open(server.url());
  Request r;
  Answer answer;
  ASSERT_EQ(send(client, r.x, answer), GH_OK);
  gh_sse_event e{};
  EXPECT_EQ(http_table().event(answer.get(), &e), GH_OK);
  EXPECT_EQ(view(e.event), "a");
  EXPECT_EQ(view(e.data), "x");
  EXPECT_EQ(view(e.id), "1");
  EXPECT_EQ(http_table().event(answer.get(), &e), GH_OK);
  EXPECT_EQ(view(e.data), "y");
  EXPECT_EQ(http_table().event(answer.get(), &e), GH_ABSENT);
}

TEST(HttpTable, ClosingAnAnswerEndsTheUpstreamRequest) {
  bool saw_end = false;
  {
    ScriptedServer server({[&](Peer& peer) {
      peer.request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
      saw_end = peer.sees_end();
    }});
    const Client client = open(server.url());
    Request r;
    Answer answer;
    ASSERT_EQ(send(client, r.x, answer), GH_OK);
    answer.reset();
  }
  EXPECT_TRUE(saw_end);
}

TEST(HttpTable, ProblemsOfTheUpstreamBecomeFailures) {
  EXPECT_EQ(failure_after([](Peer&) {}, "upstream_broken"), 502);
  EXPECT_EQ(failure_after([](Peer& peer) { peer.send("garbage"); }, "upstream_broken"), 502);
  EXPECT_EQ(failure_after([](Peer& peer) { peer.sees_end(); }, "upstream_timeout"), 504);

  std::string url;
  {
    const Listener listener;
    url = listener.url();
  }
  Request r;
  Answer answer;
  EXPECT_EQ(send(open(url), r.x, answer), GH_FAILED);
  EXPECT_EQ(r.x.failure()->code, "upstream_unreachable");
  EXPECT_NE(r.x.failure()->detail.find("127.0.0.1"), std::string::npos)
      << "the detail, for the log, says where";
  EXPECT_EQ(r.x.failure()->message.find("127.0.0.1"), std::string::npos)
      << "the message, for the client, does not";
}

TEST(HttpTable, AnEventThatIsTooLargeIsAFailureOfThisRequest) {
  ScriptedServer server({[](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\n\r\ndata:" + std::string(kMaxSseEvent + (1 << 20), 'x'));
  }});
  const Client client = open(server.url());
  Request r;
  Answer answer;
  ASSERT_EQ(send(client, r.x, answer), GH_OK);
  gh_sse_event event{};
  event.size = sizeof event;
  ASSERT_EQ(http_table().event(answer.get(), &event), GH_FAILED);
  EXPECT_EQ(r.x.failure()->code, "upstream_too_large");
  EXPECT_EQ(r.x.failure()->http_status, 502);
  EXPECT_EQ(r.x.failure()->flags, 0u) << "another request may have a smaller response";
}

TEST(HttpTable, AClientThatLeavesAndTheEndOfTheGatewayAreNoFailures) {
  Listener silent;
  const Client client = open(silent.url());
  Request leaves, stopped;
  leaves.end.leaves_at_wait(2);
  stopped.end.stop();
  Answer answer;
  EXPECT_EQ(send(client, leaves.x, answer), GH_STOP);
  EXPECT_FALSE(leaves.x.failure());
  EXPECT_EQ(send(client, stopped.x, answer), GH_CANCELLED);
  EXPECT_FALSE(stopped.x.failure());
}

TEST(HttpTable, AHeaderThatTheGatewayWritesIsRefused) {
  const Client client = open("http://127.0.0.1:1");
  for (const char* name : {"Host", "content-length", "TRANSFER-ENCODING", "Connection"}) {
    Request r;
    Answer answer;
    EXPECT_EQ(send(client, r.x, answer, {{raw("X-Key"), raw("k")}, {raw(name), raw("1")}}),
              GH_FAILED);
    ASSERT_TRUE(r.x.failure());
    EXPECT_EQ(r.x.failure()->code, "plugin_error") << name;
  }
}

TEST(HttpTable, ARequestThatWouldBreakOutOfItsHeadIsNotSent) {
  const Client client = open("http://127.0.0.1:1");
  Request r;
  Answer answer;
  const auto refused = [&](std::vector<gh_http_header> headers, std::string_view path,
                           std::string_view method) {
    EXPECT_EQ(send(client, r.x, answer, std::move(headers), path, method), GH_FAILED);
    return r.x.failure()->code == "plugin_error";
  };
  EXPECT_TRUE(refused({{raw("X-Key"), raw("secret\n")}}, "/", "GET"));
  EXPECT_EQ(r.x.failure()->detail.find("secret"), std::string::npos);
  EXPECT_TRUE(refused({{raw("X\r\nY"), raw("z")}}, "/", "GET"));
  EXPECT_TRUE(refused({}, "/a b", "GET"));
  EXPECT_TRUE(refused({}, "/a\r\n", "GET"));
  EXPECT_TRUE(refused({}, "/", "GET /"));
  EXPECT_FALSE(refused({{raw("X-Key"), raw("k")}}, "/a%20b?c", "GET"));
}

}  // namespace
}  // namespace gatehouse::core
