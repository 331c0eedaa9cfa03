#include "traces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::traces {
namespace {

using namespace std::chrono_literals;
using testing::Events;
using testing::Harness;
using testing::Request;

constexpr const char* kTraceId = "0af7651916cd43dd8448eb211c80319c";
constexpr const char* kSpanId = "b7ad6b7169203331";  // of the harness
constexpr const char* kRecorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr const char* kNotRecorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
constexpr const char* kChat = R"({"model": "m", "messages": []})";

struct TracesTest : ::testing::Test {
  TracesTest() { h.be_strict(); }

  Traces& make(View config = R"({"endpoint": "http://collector:4318"})") {
    return plugin.emplace(h.host(), h.config(config));
  }
  /// A request whose span the gateway has begun: in a new trace, or in one of the client.
  static Request request(View trace, View client_span = {}) {
    Request r("POST", "/api/chat");
    r.trace = trace;
    if (!client_span.empty())
      r.headers = {{"traceparent", std::string("00-") + kTraceId + "-" + std::string(client_span) +
                                       std::string(trace.substr(52))}};
    return r;
  }
  static Request below(View chat = kChat) {
    Request r = request(kRecorded);
    r.chat = chat;
    return r;
  }
  /// Lets the instance end, and returns the spans that it then sends.
  std::vector<Json> sent() {
    h.upstream.push(testing::reply(200, "{}"));
    h.run_background(0, 0);
    if (h.upstream.requests.empty()) return {};
    body.emplace(testing::parse(h.upstream.requests.back().body));
    std::vector<Json> spans;
    for (const Json span : body->root()["resourceSpans"].at(0)["scopeSpans"].at(0)["spans"])
      spans.push_back(span);
    return spans;
  }
  /// The value of an attribute as JSON text; empty: the span has none of that name.
  static std::string attribute(Json span, View name) {
    for (const Json attribute : span["attributes"]) {
      if (attribute["key"].str() == name) return attribute["value"].dump();
    }
    return {};
  }
  static std::string text(View value) {
    return R"({"stringValue":")" + std::string(value) + R"("})";
  }
  static std::string number(View value) {
    return R"({"intValue":")" + std::string(value) + R"("})";
  }

  Harness h;
  std::optional<Traces> plugin;
  std::optional<Document> body;
};

TEST_F(TracesTest, WritesASpanForARequest) {
  h.routes = {};
  Traces& traces = make();
  h.host().route("POST", "/api/chat");
  h.next = [this](Exchange& x, Sink& out) {
    h.advance(1500ms);
    return x.reply(out, 200, "text/plain", "hi");
  };
  h.run(traces, request(kNotRecorded));
  const std::vector<Json> spans = sent();
  ASSERT_EQ(spans.size(), 1u);
  const Json span = spans[0];
  EXPECT_EQ(span["traceId"].str(), kTraceId);
  EXPECT_EQ(span["spanId"].str(), kSpanId);
  EXPECT_FALSE(span["parentSpanId"]);
  EXPECT_EQ(span["name"].str(), "POST /api/chat");
  EXPECT_EQ(span["kind"].integer(), 2);
  EXPECT_EQ(span["startTimeUnixNano"].str(), "1735689600000000000");
  EXPECT_EQ(span["endTimeUnixNano"].str(), "1735689601500000000");
  EXPECT_EQ(span["status"].dump(), "{}");
  EXPECT_EQ(attribute(span, "http.request.method"), text("POST"));
  EXPECT_EQ(attribute(span, "http.route"), text("/api/chat"));
  EXPECT_EQ(attribute(span, "http.response.status_code"), number("200"));
  EXPECT_EQ(attribute(span, "gatehouse.request.id"), text("request-1"));
}

TEST_F(TracesTest, SendsNeitherPathsNorUnknownMethodsOfClients) {
  Traces& traces = make();
  Request r = request(kNotRecorded);
  r.method = "SECRET";
  r.path = "/secret";
  h.run(traces, r);
  const std::vector<Json> spans = sent();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0]["name"].str(), "HTTP");
  EXPECT_EQ(h.upstream.requests[0].body.find("ecret"), std::string::npos);
  EXPECT_EQ(h.upstream.requests[0].body.find("SECRET"), std::string::npos);
}

TEST_F(TracesTest, ContinuesTheTraceOfTheClientIfThatRecordsIt) {
  Traces& traces = make();
  h.next = testing::answer("hi");
  h.run(traces, request(kRecorded, "00f067aa0ba902b7"));
  h.run(traces, request(kNotRecorded, "00f067aa0ba902b7"));
  const std::vector<Json> spans = sent();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0]["parentSpanId"].str(), "00f067aa0ba902b7");
}

TEST_F(TracesTest, RecordsTheRatioOfNewTraces) {
  Traces& traces = make(R"({"endpoint": "http://collector:4318", "ratio": 0.25})");
  std::string upstream;
  h.next = [&](Exchange& x, Sink& out) {
    upstream = x.trace();
    return x.reply(out, 200, "text/plain", "hi");
  };
  // The last 14 digits of the trace id decide: a quarter is 40000000000000.
  h.run(traces, request("00-0af7651916cd43dd843ffffffffffff0-b7ad6b7169203331-00"));
  EXPECT_EQ(upstream, "00-0af7651916cd43dd843ffffffffffff0-b7ad6b7169203331-01");
  h.run(traces, request("00-0af7651916cd43dd8440000000000001-b7ad6b7169203331-00"));
  EXPECT_EQ(upstream, "00-0af7651916cd43dd8440000000000001-b7ad6b7169203331-00");
  EXPECT_EQ(sent().size(), 1u);
}

TEST_F(TracesTest, ReportsFailuresAsErrorsButNotMistakesOfClients) {
  Traces& traces = make();
  h.next = testing::fails({502, "upstream_broken", "It broke off.", "detail of the upstream"});
  h.run(traces, request(kNotRecorded));
  h.next = testing::fails({404, "not_found", "Nothing is here.", {}});
  h.run(traces, request(kNotRecorded));
  h.next = [](Exchange&, Sink& out) -> Status {
    if (Status status = out.emit(event::bytes("half")); !status) return status;
    return Fail{429, "upstream_quota", "The quota is used up.", {}};
  };
  h.run(traces, request(kNotRecorded));
  const std::vector<Json> spans = sent();
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0]["status"].dump(), R"({"code":2})");
  EXPECT_EQ(attribute(spans[0], "error.type"), text("upstream_broken"));
  EXPECT_EQ(spans[1]["status"].dump(), "{}");
  EXPECT_EQ(attribute(spans[2], "http.response.status_code"), number("200"));
  EXPECT_EQ(attribute(spans[2], "error.type"), text("upstream_quota"));
  EXPECT_EQ(h.upstream.requests[0].body.find("detail"), std::string::npos);
}

TEST_F(TracesTest, WritesASpanForACallOfTheModelAndMakesItTheParentOfTheUpstream) {
  make();
  std::string during, after;
  h.next = [&](Exchange& x, Sink& out) {
    during = x.trace();
    h.advance(250ms);
    x.notes().edit("provider").set("gcp.gemini");
    return testing::emit(out,
                         {"step-start", R"(response:{"id":"r-1","model":"m-001"})", "text:Hi",
                          R"(usage:{"input_tokens":3,"output_tokens":4,"cached_input_tokens":2})",
                          "step-finish:stop"});
  };
  h.run_around(GH_AROUND_MODELS, below(R"({"model":"m","temperature":0.5,"top_k":3,
                                           "messages":[{"role":"user","content":[]}]})"));
  const std::vector<Json> spans = sent();
  ASSERT_EQ(spans.size(), 1u);
  const Json span = spans[0];
  EXPECT_EQ(span["name"].str(), "chat m");
  EXPECT_EQ(span["kind"].integer(), 3);
  EXPECT_EQ(span["parentSpanId"].str(), kSpanId);
  EXPECT_EQ(during,
            std::string("00-") + kTraceId + "-" + std::string(span["spanId"].str()) + "-01");
  EXPECT_EQ(attribute(span, "gen_ai.operation.name"), text("chat"));
  EXPECT_EQ(attribute(span, "gen_ai.provider.name"), text("gcp.gemini"));
  EXPECT_EQ(attribute(span, "gen_ai.request.model"), text("m"));
  EXPECT_EQ(attribute(span, "gen_ai.request.temperature"), R"({"doubleValue":0.5})");
  EXPECT_EQ(attribute(span, "gen_ai.request.top_k"), number("3"));
  EXPECT_EQ(attribute(span, "gen_ai.response.model"), text("m-001"));
  EXPECT_EQ(attribute(span, "gen_ai.response.id"), text("r-1"));
  EXPECT_EQ(attribute(span, "gen_ai.response.finish_reasons"),
            R"({"arrayValue":{"values":[{"stringValue":"stop"}]}})");
  EXPECT_EQ(attribute(span, "gen_ai.response.time_to_first_chunk"), R"({"doubleValue":0.25})");
  EXPECT_EQ(attribute(span, "gen_ai.usage.input_tokens"), number("3"));
  EXPECT_EQ(attribute(span, "gen_ai.usage.output_tokens"), number("4"));
  EXPECT_EQ(attribute(span, "gen_ai.usage.cache_read.input_tokens"), number("2"));
  EXPECT_EQ(attribute(span, "gen_ai.usage.reasoning.output_tokens"), "");
}

TEST_F(TracesTest, GivesAFailedCallItsCode) {
  make();
  h.next = testing::fails({429, "upstream_quota", "The quota is used up.", {}});
  h.run_around(GH_AROUND_MODELS, below());
  const std::vector<Json> spans = sent();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(attribute(spans[0], "error.type"), text("upstream_quota"));
  EXPECT_EQ(spans[0]["status"].dump(), R"({"code":2})");
}

TEST_F(TracesTest, GivesNoSpanToAProviderThatPassesTheChatOn) {
  make();
  const testing::NextFunction model = testing::answer("hi");
  int depth = 0;
  h.next = [&](Exchange& x, Sink& out) -> Status {
    if (depth++ > 0) return model(x, out);
    // As the gateway does when the first provider calls next(): the second one is called inside.
    Request inner = below();
    inner.trace = x.trace();
    const testing::Answer answer = h.run_around(GH_AROUND_MODELS, inner);
    return testing::emit(out, answer.events);
  };
  h.run_around(GH_AROUND_MODELS, below());
  const std::vector<Json> spans = sent();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0]["parentSpanId"].str(), kSpanId);
}

TEST_F(TracesTest, WritesASpanForEachToolThatTheGatewayRuns) {
  make();
  h.next = [this](Exchange&, Sink& out) -> Status {
    h.advance(1s);
    Status status =
        testing::emit(out, {"step-start", "tool-call+dynamic:c1:weather:{}",
                            "tool-call+dynamic:c2:news:{}", "tool-call:c3:of_the_client:{}"});
    h.advance(2s);
    if (!status) return status;
    return testing::emit(out,
                         {"tool-output+dynamic+preliminary:c1:1", "tool-output+dynamic:c1:2",
                          "tool-output-error+dynamic:c2:secret words", "step-finish:tool-calls"});
  };
  h.run_around(GH_AROUND_CHATS, below());
  const std::vector<Json> spans = sent();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0]["name"].str(), "execute_tool weather");
  EXPECT_EQ(spans[0]["kind"].integer(), 1);
  EXPECT_EQ(spans[0]["parentSpanId"].str(), kSpanId);
  EXPECT_EQ(attribute(spans[0], "gen_ai.operation.name"), text("execute_tool"));
  EXPECT_EQ(attribute(spans[0], "gen_ai.tool.name"), text("weather"));
  EXPECT_EQ(attribute(spans[0], "gen_ai.tool.call.id"), text("c1"));
  EXPECT_EQ(spans[0]["startTimeUnixNano"].str(), "1735689601000000000");
  EXPECT_EQ(spans[0]["endTimeUnixNano"].str(), "1735689603000000000");
  EXPECT_EQ(attribute(spans[1], "error.type"), text("tool_error"));
  EXPECT_EQ(h.upstream.requests[0].body.find("secret"), std::string::npos);
}

TEST_F(TracesTest, FindsTheNameOfAToolThatTheUserHasAllowed) {
  make();
  h.next = testing::events({"tool-output+dynamic:c1:{}", "step-start", "step-finish:stop"});
  h.run_around(GH_AROUND_CHATS, below(R"({"model":"m","messages":[{"role":"assistant","content":[
      {"type":"tool-call","id":"c1","name":"pay","input":{},
       "approval":{"id":"q","approved":true}}]}]})"));
  const std::vector<Json> spans = sent();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0]["name"].str(), "execute_tool pay");
}

TEST_F(TracesTest, RecordsNoPartOfATraceThatIsNotRecorded) {
  make();
  h.next = testing::answer("hi");
  Request r = below();
  r.trace = kNotRecorded;
  h.run_around(GH_AROUND_MODELS, r);
  h.run_around(GH_AROUND_CHATS, r);
  EXPECT_TRUE(sent().empty());
}

}  // namespace
}  // namespace gatehouse::plugins::traces
