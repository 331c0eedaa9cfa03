#include "http_transport.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"
#include "mcp.h"

namespace gatehouse {
namespace {

using namespace testing;

const std::string kInitialized = R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}})";
const std::string kListed = R"({"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"read","inputSchema":{}}]}})";
const std::string kResult = R"({"jsonrpc":"2.0","id":3,"result":{"content":[]}})";
constexpr View kChat = R"({"messages": [], "backend_tools": ["web_read"]})";

Reply json(const std::string& message, Headers headers = {}) {
  headers.emplace_back("Content-Type", "application/json");
  return reply(200, message, headers);
}
/// Events with ids.
Reply numbered(std::vector<std::string> data) {
  Reply r = sse({});
  int id = 0;
  for (const std::string& d : data) r.pieces.push_back("id: e" + std::to_string(++id) + "\ndata: " + d + "\n\n");
  return r;
}

struct HttpTransportTest : ::testing::Test {
  explicit HttpTransportTest(
      View config = R"({"servers": [{"name": "web", "url": "https://example.org/mcp", "headers": {"Authorization": "Bearer t"}}]})")
      : mcp(h.host(), h.config(config)) {}

  void push(std::vector<Reply> replies) {
    for (auto& r : replies) h.upstream.push(std::move(r));
  }
  void connect(Reply initialized = json(kInitialized), Reply stream = reply(405, "")) {
    push({std::move(initialized), reply(202, ""), json(kListed), std::move(stream)});
    h.run_background();
  }
  /// What a chat whose model calls the tool once sees of that call.
  std::string call() {
    h.next = in_turn({events({"step-start", "tool-call:c1:web_read:{}", "step-finish:tool-calls"}), answer("Done")});
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
  EXPECT_EQ(sent(0).header("Mcp-Session-Id") + sent(0).header("Mcp-Protocol-Version"), "");
  for (const std::size_t later : {1, 2, 3}) {
    EXPECT_EQ(sent(later).header("Mcp-Session-Id"), "s1");
    EXPECT_EQ(sent(later).header("Mcp-Protocol-Version"), "2025-11-25");
  }
  EXPECT_EQ(sent(3).method, "GET");
  EXPECT_EQ(sent(3).header("Accept"), "text/event-stream");
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
  push({numbered({"", R"({"jsonrpc":"2.0","id":4,"result":{"content":[1]}})"})});  // the first is there for its id
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[1]})");
}

TEST_F(HttpTransportTest, AnswersWhatTheServerAsksMeanwhile) {
  connect();
  push({sse({R"({"method":"notifications/progress"})", R"({"jsonrpc":"2.0","id":9,"method":"ping"})", R"({"id":77,"result":{}})", kResult}),
        reply(202, "")});
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
  EXPECT_EQ(h.upstream.requests.back().body, R"({"jsonrpc":"2.0","id":9,"result":{}})");
}

TEST_F(HttpTransportTest, BeginsAnotherSessionWhenTheServerMissesOneOrHasForgottenIt) {
  connect();
  std::int64_t id = 3;
  for (const auto& [status, session] : std::vector<std::pair<int, std::string>>{{400, "s1"}, {404, "s2"}}) {
    const auto answer = [&id](const std::string& result) { return "{\"id\":" + std::to_string(++id) + ",\"result\":" + result + "}"; };
    push({reply(status, "no session")});
    push({json(answer(R"({"protocolVersion":"2025-03-26","capabilities":{"tools":{}}})"), {{"Mcp-Session-Id", session}}), reply(202, "")});
    push({json(answer(R"({"tools":[{"name":"read","inputSchema":{}}]})"))});
    push({json(answer(R"({"content":[]})"))});
    ++id;  // of the next call
    EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
    EXPECT_EQ(h.upstream.requests.back().header("Mcp-Session-Id"), session);
    EXPECT_EQ(h.upstream.requests.back().header("Mcp-Protocol-Version"), "2025-03-26");
  }
}

TEST_F(HttpTransportTest, FollowsNoRedirect) {
  connect();
  push({reply(307, "", {{"Location", "http://169.254.169.254/"}})});
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The tool server refuses the request: HTTP 307.");
  EXPECT_EQ(h.upstream.requests.size(), 5u);
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
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The tool server cannot be reached.");
}

TEST_F(HttpTransportTest, TakesNoAnswerThatIsNone) {
  connect();
  for (const auto& [answer, why] : std::vector<std::pair<Reply, std::string>>{
           {json("nonsense"), "The tool server gave an answer that is no message."},
           {json(R"({"id":1000,"result":{}})"), "The tool server gave an answer that is no message."},
           {sse({"nonsense"}), "The tool server gave an answer that is no message."},
           {sse({}), "The tool server ended before it answered."},
           {reply(503, "<html>"), "The tool server refuses the request: HTTP 503."},
           {json(std::string((4u << 20) + 1, ' ')), "The tool server gave an answer that is too long."}}) {
    push({answer});
    EXPECT_EQ(call(), "tool-output-error+dynamic:c1:" + why);
  }
}

TEST_F(HttpTransportTest, HearsThatTheToolsHaveChanged) {
  connect(json(kInitialized), numbered({R"({"method":"notifications/tools/list_changed"})"}));
  push({json(R"({"jsonrpc":"2.0","id":3,"result":{"tools":[]}})")});
  h.next = answer("Hi");
  h.ask(mcp, kChat);
  EXPECT_NE(h.upstream.requests.back().body.find("tools/list"), std::string::npos);
}

TEST_F(HttpTransportTest, AsksForTheStreamAgainAfterWhatItHeardLast) {
  push({json(kInitialized), reply(202, ""), json(kListed), broken(numbered({R"({"method":"notifications/message"})"})), reply(405, "")});
  h.run_background(0, 1);
  EXPECT_EQ(h.upstream.requests.back().method, "GET");
  EXPECT_EQ(h.upstream.requests.back().header("Last-Event-Id"), "e1");
  EXPECT_EQ(h.sleeps.at(0), std::chrono::seconds(1));
}

TEST_F(HttpTransportTest, NeedsNoStream) {
  connect(json(kInitialized, {{"Mcp-Session-Id", "s1"}}), reply(404, ""));  // some know no GET at all
  EXPECT_EQ(h.upstream.requests.size(), 5u);                                // the last one ends the session
  EXPECT_EQ(h.health, "up");
}

TEST_F(HttpTransportTest, BeginsAnotherSessionWhenTheStreamHasLostIts) {
  push({json(kInitialized, {{"Mcp-Session-Id", "s1"}}), reply(202, ""), json(kListed), sse({}), reply(404, "")});
  push({json(R"({"id":3,"result":{"protocolVersion":"2025-11-25","capabilities":{}}})", {{"Mcp-Session-Id", "s2"}}), reply(202, ""),
        reply(405, "")});
  h.run_background(0, 1);
  EXPECT_EQ(sent(4).method, "GET");
  EXPECT_NE(sent(5).body.find("initialize"), std::string::npos);
  EXPECT_EQ(sent(7).header("Mcp-Session-Id"), "s2");
}

TEST_F(HttpTransportTest, TellsTheAddressToTheOperatorOnly) {
  push({no_reply({502, "upstream_unreachable", "The upstream cannot be reached.", "10.0.0.7:80: Connection refused"})});
  h.run_background();
  EXPECT_EQ(h.health, "degraded: server web: The tool server cannot be reached.");
  EXPECT_NE(h.admin(mcp, "GET", "/servers").body.find("10.0.0.7:80: Connection refused"), std::string::npos);
}

TEST(HttpTransportUrl, KeepsItsPathAsItIs) {
  for (const auto& [url, path] :
       std::vector<std::pair<std::string, std::string>>{{"http://a/mcp/", "/mcp/"}, {"http://a", "/"}, {"http://a/b?c=d", "/b?c=d"}}) {
    Harness h;
    Mcp mcp(h.host(), h.config("{\"servers\": [{\"name\": \"web\", \"url\": \"" + url + "\"}]}"));
    h.run_background();
    EXPECT_EQ(h.upstream.requests.at(0).base_url, "http://a");
    EXPECT_EQ(h.upstream.requests.at(0).path, path);
  }
}

}  // namespace
}  // namespace gatehouse
