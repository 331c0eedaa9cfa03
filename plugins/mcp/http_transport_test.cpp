#include "http_transport.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "gatehouse/testing.hpp"
#include "mcp.h"

namespace gatehouse::plugins::mcp {
namespace {

using namespace testing;

const std::string kInitialized =
    R"({"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"2025-11-25",)"
    R"("capabilities":{"tools":{}}}})";
const std::string kListed =
    R"({"jsonrpc":"2.0","id":3,"result":{"tools":[{"name":"read","inputSchema":{}}]}})";
const std::string kResult = R"({"jsonrpc":"2.0","id":4,"result":{"content":[]}})";
constexpr View kChat = R"({"messages": [], "backend_tools": ["web_read"]})";

Reply json(const std::string& message, Headers headers = {}) {
  headers.emplace_back("Content-Type", "application/json");
  return reply(200, message, headers);
}
/// Events with ids.
Reply numbered(std::vector<std::string> data) {
  Reply r = sse({});
  int id = 0;
  for (const std::string& d : data)
    r.pieces.push_back("id: e" + std::to_string(++id) + "\ndata: " + d + "\n\n");
  return r;
}

struct HttpTransportTest : ::testing::Test {
  explicit HttpTransportTest(View config =
                                 R"({"servers": [{"name": "web", "url": "https://example.org/mcp",)"
                                 R"( "headers": {"Authorization": "Bearer t"}}]})")
      : mcp(h.host(), h.config(config)) {}

  void push(std::vector<Reply> replies) {
    for (auto& r : replies) h.upstream.push(std::move(r));
  }
  /// Of a revision before 2026-07-28.
  void push_beginning(Reply initialized = json(kInitialized)) {
    push({reply(400, "no session"), std::move(initialized), reply(202, ""), json(kListed)});
  }
  void connect(Reply initialized = json(kInitialized), Reply stream = reply(405, "")) {
    push_beginning(std::move(initialized));
    push({std::move(stream)});
    h.run_background();
  }
  /// What a chat whose model calls the tool once sees of that call.
  std::string call() {
    h.next = in_turn({events({"step-start", "tool-call:c1:web_read:{}", "step-finish:tool-calls"}),
                      answer("Done")});
    const Events seen = h.ask(mcp, kChat).events;
    return seen.size() > 2 ? seen[2] : "nothing";
  }
  const Upstream::Sent& sent(std::size_t index) const { return h.upstream.requests.at(index); }

  Harness h;
  Mcp mcp;
};

TEST_F(HttpTransportTest, PostsEachMessageWithWhatTheSpecificationAsksFor) {
  connect(json(kInitialized, {{"Mcp-Session-Id", "s1"}}));
  EXPECT_EQ(sent(0).method + " " + sent(0).base_url + sent(0).path, "POST https://example.org/mcp");
  EXPECT_EQ(sent(0).header("Accept"), "application/json, text/event-stream");
  EXPECT_EQ(sent(0).header("Content-Type"), "application/json");
  EXPECT_EQ(sent(0).header("Authorization"), "Bearer t");
  EXPECT_EQ(sent(1).header("Mcp-Session-Id") + sent(1).header("Mcp-Protocol-Version"), "");
  for (const std::size_t later : {2, 3, 4}) {
    EXPECT_EQ(sent(later).header("Mcp-Session-Id"), "s1");
    EXPECT_EQ(sent(later).header("Mcp-Protocol-Version"), "2025-11-25");
  }
  EXPECT_EQ(sent(4).method, "GET");
  EXPECT_EQ(sent(4).header("Accept"), "text/event-stream");
}

TEST_F(HttpTransportTest, EndsTheSessionWithTheGateway) {
  connect(json(kInitialized, {{"Mcp-Session-Id", "s1"}}));
  EXPECT_EQ(h.upstream.requests.back().method, "DELETE");
  EXPECT_EQ(h.upstream.requests.back().header("Mcp-Session-Id"), "s1");
}

TEST_F(HttpTransportTest, TakesAMessageOrAStreamForAnAnswer) {
  connect();
  push({json(kResult)});
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
  push({numbered(
      {"",
       R"({"jsonrpc":"2.0","id":5,"result":{"content":[1]}})"})});  // the first is there for its id
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[1]})");
}

TEST_F(HttpTransportTest, AnswersWhatTheServerAsksMeanwhile) {
  connect();
  push({sse({R"({"method":"notifications/progress"})",
             R"({"jsonrpc":"2.0","id":9,"method":"ping"})", R"({"id":77,"result":{}})", kResult}),
        reply(202, "")});
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
  EXPECT_EQ(h.upstream.requests.back().body, R"({"jsonrpc":"2.0","id":9,"result":{}})");
}

TEST_F(HttpTransportTest, BeginsAnotherSessionWhenTheServerMissesOneOrHasForgottenIt) {
  connect();
  std::int64_t id = 4;
  for (const auto& [status, session] :
       std::vector<std::pair<int, std::string>>{{400, "s1"}, {404, "s2"}, {400, "s3"}}) {
    const auto answer = [&id](const std::string& result) {
      return "{\"id\":" + std::to_string(++id) + ",\"result\":" + result + "}";
    };
    push({reply(status, "no session")});
    push({json(answer(R"({"protocolVersion":"2025-03-26","capabilities":{"tools":{}}})"),
               {{"Mcp-Session-Id", session}}),
          reply(202, "")});
    push({json(answer(R"({"tools":[{"name":"read","inputSchema":{}}]})"))});
    push({json(answer(R"({"content":[]})"))});
    ++id;  // of the next call
    EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
    EXPECT_EQ(h.upstream.requests.back().header("Mcp-Session-Id"), session);
    EXPECT_EQ(h.upstream.requests.back().header("Mcp-Protocol-Version"), "2025-03-26");
  }
}

TEST_F(HttpTransportTest, TakesARefusalOfTheNewSessionForWhatItIs) {
  connect(json(kInitialized, {{"Mcp-Session-Id", "s1"}}));
  const std::string no = R"({"id":null,"error":{"code":-32000,"message":"no such city"}})";
  push({reply(400, no),
        json(R"({"id":5,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}})"),
        reply(202, "")});
  push({json(R"({"id":6,"result":{"tools":[{"name":"read","inputSchema":{}}]}})"), reply(400, no)});
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The tool failed: no such city (-32000)");
  push({reply(400,
              R"({"id":8,"error":{"code":-32602,"message":"no city"}})")});  // that is no matter of
                                                                             // sessions
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The tool failed: no city (-32602)");
}

TEST_F(HttpTransportTest, FollowsNoRedirectElsewhere) {
  connect();
  for (const char* to : {"http://169.254.169.254/", "http://example.org/mcp/", "//example.com/",
                         "https://example.org:8443/mcp/", "/mcp", ""}) {
    const std::size_t before = h.upstream.requests.size();
    push({reply(307, "", {{"Location", to}})});
    EXPECT_EQ(call(),
              "tool-output-error+dynamic:c1:The tool server rejects the request: HTTP 307.");
    EXPECT_EQ(h.upstream.requests.size(), before + 1);
  }
}

TEST_F(HttpTransportTest, FollowsARedirectOfTheSameOriginFromThenOn) {
  push({reply(307, "", {{"Location", "https://EXAMPLE.org/mcp/"}})});
  push_beginning();
  push({reply(405, "")});
  h.run_background();
  EXPECT_EQ(sent(0).path, "/mcp");
  EXPECT_EQ(sent(1).path, "/mcp/");
  EXPECT_EQ(sent(1).body, sent(0).body);
  EXPECT_EQ(sent(5).path, "/mcp/");
  push({reply(308, "", {{"Location", "/v2"}}), json(kResult)});
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
}

TEST_F(HttpTransportTest, SendsBackItsCookies) {
  push_beginning(json(kInitialized, {{"Set-Cookie", "AWSALB=node1; Path=/; HttpOnly"},
                                     {"set-cookie", "AWSALBCORS=node1"}}));
  push({reply(405, "", {{"Set-Cookie", "AWSALB=node2"}})});
  h.run_background();
  EXPECT_EQ(sent(1).header("Cookie"), "");
  EXPECT_EQ(sent(2).header("Cookie"), "AWSALB=node1; AWSALBCORS=node1");
  push({json(kResult, {{"Set-Cookie", "no cookie"}})});
  call();
  EXPECT_EQ(h.upstream.requests.back().header("Cookie"), "AWSALB=node2; AWSALBCORS=node1");
}

TEST_F(HttpTransportTest, AsksOnceMoreWhenAnIdleConnectionWasClosed) {
  const Reply closed = no_reply({502, "upstream_broken", "The upstream's response broke off.", {}});
  push({reply(400, ""), closed, json(kInitialized), closed, reply(202, ""), closed, json(kListed),
        closed, reply(405, "")});
  h.run_background();
  EXPECT_EQ(h.health, "up");
  push({closed});  // a call may have been carried out
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The connection to the tool server broke off.");
}

TEST_F(HttpTransportTest, TellsWhyItIsRefusedToTheOperatorOnly) {
  push({reply(401, R"({"error":"invalid_token"})",
              {{"WWW-Authenticate", "Bearer error=\"invalid_token\""}})});
  h.run_background();
  EXPECT_EQ(h.health, "degraded: server web: The tool server rejects the request: HTTP 401.");
  EXPECT_NE(
      h.admin(mcp, "GET", "/servers")
          .body.find(
              R"(WWW-Authenticate: Bearer error=\"invalid_token\"; {\"error\":\"invalid_token\"})"),
      std::string::npos)
      << h.admin(mcp, "GET", "/servers").body;
  EXPECT_EQ(h.upstream.requests.size(), 1u);  // it is not asked the old way
}

TEST_F(HttpTransportTest, WaitsAsLongAsTheServerWants) {
  connect();
  Reply polled = sse({});
  polled.pieces = {"id: e1\nretry: 3000\n\n"};
  push({polled, sse({kResult})});
  h.sleeps.clear();
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
  EXPECT_EQ(h.sleeps, std::vector<std::chrono::nanoseconds>{std::chrono::seconds(3)});
  EXPECT_EQ(h.upstream.requests.back().header("Last-Event-Id"), "e1");
}

TEST_F(HttpTransportTest, PassesOverEventsThatAreNoMessages) {
  connect();
  Reply stream = sse({kResult});
  stream.headers = {{"Content-Type", "Text/Event-Stream; charset=utf-8"}};
  stream.pieces.insert(stream.pieces.begin(), "event: ping\ndata: ping\n\n");
  push({stream});
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
}

TEST_F(HttpTransportTest, TakesABatch) {
  connect();
  push({sse({"[" + kResult + "]"})});
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
}

TEST_F(HttpTransportTest, TellsTheModelOfSilenceAsOfATimeout) {
  connect();
  push({no_reply({504,
                  "upstream_timeout",
                  "The upstream did not respond in time.",
                  {},
                  std::chrono::seconds(0),
                  GH_FAIL_SUSPECT})});
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The tool did not respond within 60000 ms.");
  EXPECT_EQ(h.metrics.at(R"(gatehouse_mcp_calls_total{server="web",result="timeout"})"), 1);
}

TEST_F(HttpTransportTest, GoesOnWithAStreamThatBroke) {
  connect();
  push({broken(numbered({""})), sse({kResult})});
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
  EXPECT_EQ(h.upstream.requests.back().method, "GET");
  EXPECT_EQ(h.upstream.requests.back().header("Last-Event-Id"), "e1");
}

TEST_F(HttpTransportTest, FailsWhenAStreamWithoutIdsBroke) {
  connect();
  push({broken(sse({R"({"method":"notifications/progress"})"}))});
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The connection to the tool server broke off.");
}

TEST_F(HttpTransportTest, TakesNoAnswerThatIsNone) {
  connect();
  for (const auto& [answer, why] : std::vector<std::pair<Reply, std::string>>{
           {json("nonsense"), "The response of the tool server is not valid JSON."},
           {json(R"({"id":1000,"result":{}})"),
            "The response of the tool server is not an MCP message."},
           {sse({"\xe4"}), "The response of the tool server is not UTF-8."},
           {sse({}), "The tool server ended before it responded."},
           {reply(503, "<html>"), "The tool server rejects the request: HTTP 503."},
           {json(std::string((4u << 20) + 1, ' ')),
            "The response of the tool server is longer than 4 MiB."}}) {
    push({answer});
    EXPECT_EQ(call(), "tool-output-error+dynamic:c1:" + why);
  }
}

TEST_F(HttpTransportTest, HearsThatTheToolsHaveChanged) {
  connect(json(kInitialized), numbered({R"({"method":"notifications/tools/list_changed"})"}));
  push({json(R"({"jsonrpc":"2.0","id":4,"result":{"tools":[]}})")});
  h.run_background(1, 1);
  EXPECT_NE(h.upstream.requests.back().body.find("tools/list"), std::string::npos);
}

TEST_F(HttpTransportTest, AsksForTheStreamAgainAfterWhatItHeardLast) {
  push_beginning();
  push({broken(numbered({R"({"method":"notifications/message"})"})), reply(405, "")});
  h.run_background(0, 1);
  EXPECT_EQ(h.upstream.requests.back().method, "GET");
  EXPECT_EQ(h.upstream.requests.back().header("Last-Event-Id"), "e1");
  EXPECT_EQ(h.sleeps.at(0), std::chrono::seconds(1));
}

struct RefusedStream : HttpTransportTest, ::testing::WithParamInterface<int> {};

TEST_P(RefusedStream, IsAskedForAgain) {
  push_beginning();
  push({reply(GetParam(), ""), sse({}), reply(405, "")});
  h.run_background(0, 2);
  EXPECT_EQ(h.upstream.requests.size(), 7u);
  EXPECT_EQ(h.health, "up");
  push({json(R"({"id":4,"result":{"tools":[]}})")});
  h.run_background(1, 1);  // what it said meanwhile is lost
  EXPECT_NE(h.upstream.requests.back().body.find("tools/list"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(ForNow, RefusedStream,
                         ::testing::Values(400, 401, 409, 429, 500, 502, 503));

TEST_F(HttpTransportTest, NeedsNoStream) {
  connect(json(kInitialized, {{"Mcp-Session-Id", "s1"}}),
          reply(404, ""));                    // some know no GET at all
  EXPECT_EQ(h.upstream.requests.size(), 6u);  // the last one ends the session
  EXPECT_EQ(h.health, "up");
}

TEST_F(HttpTransportTest, BeginsAnotherSessionWhenTheStreamHasLostIts) {
  push_beginning(json(kInitialized, {{"Mcp-Session-Id", "s1"}}));
  push({sse({}), reply(404, "")});
  push({json(R"({"id":4,"result":{"protocolVersion":"2025-11-25","capabilities":{}}})",
             {{"Mcp-Session-Id", "s2"}}),
        reply(202, ""), reply(405, "")});
  h.run_background(0, 1);
  EXPECT_EQ(sent(5).method, "GET");
  EXPECT_NE(sent(6).body.find("initialize"), std::string::npos);
  EXPECT_EQ(sent(8).header("Mcp-Session-Id"), "s2");
}

TEST_F(HttpTransportTest, TellsTheAddressToTheOperatorOnly) {
  push({no_reply({502, "upstream_unreachable", "The upstream cannot be reached.",
                  "10.0.0.7:80: Connection refused"})});
  h.run_background();
  EXPECT_EQ(h.health, "degraded: server web: The tool server cannot be reached.");
  EXPECT_NE(h.admin(mcp, "GET", "/servers").body.find("10.0.0.7:80: Connection refused"),
            std::string::npos);
}

// ---- Since 2026-07-28 --------------------------------------------------------------------------

const std::string kDiscovered = R"({"id":1,"result":{"supportedVersions":["2026-07-28"],)"
                                R"("capabilities":{"tools":{"listChanged":true}}}})";

TEST_F(HttpTransportTest, NeedsNoSessionOfANewServer) {
  push({json(kDiscovered, {{"Mcp-Session-Id", "s1"}}),
        json(R"({"id":3,"result":{"tools":[{"name":"read","inputSchema":{}}]}})")});
  push({sse({R"({"method":"notifications/tools/list_changed"})"})});
  h.run_background();
  ASSERT_EQ(h.upstream.requests.size(), 3u);  // and no DELETE
  const std::vector<std::string> methods = {"server/discover", "tools/list",
                                            "subscriptions/listen"};
  for (std::size_t i = 0; i < methods.size(); ++i) {
    EXPECT_EQ(sent(i).method, "POST");
    EXPECT_EQ(sent(i).header("Mcp-Method"), methods[i]);
    EXPECT_EQ(sent(i).header("Mcp-Protocol-Version"), "2026-07-28");
    EXPECT_EQ(sent(i).header("Mcp-Session-Id"), "");
  }
  push({json(R"({"id":4,"result":{"tools":[{"name":"read","inputSchema":{}}]}})")});
  h.run_background(1, 1);
  EXPECT_NE(h.upstream.requests.back().body.find("tools/list"), std::string::npos);
  push({json(R"({"id":5,"result":{"resultType":"complete","content":[]}})")});
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
  EXPECT_EQ(h.upstream.requests.back().header("Mcp-Name"), "read");
}

TEST_F(HttpTransportTest, IsNotHeardIfANewServerSaysNothingByItself) {
  push(
      {json(
           R"({"id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}})"),
       json(R"({"id":2,"result":{"tools":[]}})")});
  h.run_background();
  EXPECT_EQ(h.upstream.requests.size(), 2u);
  EXPECT_EQ(h.health, "up");
}

// ---- Settings ----------------------------------------------------------------------------------

TEST(HttpTransportToken, IsReadAgainWhenItIsRefused) {
  const std::string file = ::testing::TempDir() + "token-" + std::to_string(::getpid());
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  write("first\n");
  Harness h;
  Mcp mcp(h.host(), h.config(R"({"servers": [{"name": "web", "url": "http://a/", "token_file": ")" +
                             file + "\"}]}"));
  for (const auto& r :
       {reply(400, ""), json(kInitialized), reply(202, ""), json(kListed), reply(405, "")})
    h.upstream.push(r);
  h.run_background();
  EXPECT_EQ(h.upstream.requests.at(0).header("Authorization"), "Bearer first");

  const auto call = [&] {
    h.next = in_turn({events({"step-start", "tool-call:c1:web_read:{}", "step-finish:tool-calls"}),
                      answer("Done")});
    return h.ask(mcp, kChat).events.at(2);
  };
  h.upstream.push(reply(401, ""));
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The tool server rejects the request: HTTP 401.");
  EXPECT_EQ(h.upstream.requests.size(), 6u);  // with the same token it would be refused again
  write("second");
  h.upstream.push(reply(401, ""));
  h.upstream.push(json(R"({"id":5,"result":{"content":[]}})"));
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
  EXPECT_EQ(h.upstream.requests.back().header("Authorization"), "Bearer second");

  write("");
  h.run_background();
  EXPECT_EQ(h.health, "degraded: server web: Its token_file cannot be read.");
  std::remove(file.c_str());
}

TEST(HttpTransportSettings, LeaveSomeHeadersToTheGateway) {
  Harness h;
  const Mcp mcp(h.host(),
                h.config(R"({"servers": [{"name": "web", "url": "http://a/", "token_file": "/t",
      "headers": {"Host": "b", "Content-length": "1", "Transfer-Encoding": "chunked",
                  "X-Ok": "1", "authorization": "Bearer t"}}]})"));
  EXPECT_EQ(
      h.problems,
      (std::vector<std::string>{
          "/servers/0/headers/Host: the gateway sets this header itself",
          "/servers/0/headers/Content-length: the gateway sets this header itself",
          "/servers/0/headers/Transfer-Encoding: the gateway sets this header itself",
          "/servers/0/token_file: `headers` already has Authorization: remove one of the two"}));
}

TEST(HttpTransportUrl, KeepsItsPathAsItIs) {
  for (const auto& [url, path] : std::vector<std::pair<std::string, std::string>>{
           {"http://a/mcp/", "/mcp/"}, {"http://a", "/"}, {"http://a/b?c=d", "/b?c=d"}}) {
    Harness h;
    Mcp mcp(h.host(), h.config("{\"servers\": [{\"name\": \"web\", \"url\": \"" + url + "\"}]}"));
    h.run_background();
    EXPECT_EQ(h.upstream.requests.at(0).base_url, "http://a");
    EXPECT_EQ(h.upstream.requests.at(0).path, path);
  }
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
