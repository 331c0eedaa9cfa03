#include "access_log.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::access_log {
namespace {

using namespace std::chrono_literals;
using testing::Events;
using testing::Harness;
using testing::Request;

constexpr const char* kExtension = "abcdefghijklmnopabcdefghijklmnop";
// Of the harness.
const std::string kTrace =
    R"("trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331")";

/// The fields of a request without headers.
std::string fields_of(const std::string& method, const std::string& path) {
  return R"("method":")" + method + R"(","path":")" + path + R"(","peer":"127.0.0.1",)" + kTrace;
}

struct AccessLogTest : ::testing::Test {
  Harness h;
  AccessLog log{h.host(), Json()};

  /// Whether the second record has these fields.
  ::testing::AssertionResult second_has(const std::string& fields) {
    const std::string& line = h.logs.at(1);
    return line.find(fields) == std::string::npos ? ::testing::AssertionFailure() << line
                                                  : ::testing::AssertionSuccess();
  }
  /// Level and message of the second record.
  std::string second() { return h.logs.at(1).substr(0, h.logs.at(1).find(" {")); }
};

TEST_F(AccessLogTest, LogsARequestAndItsResponse) {
  h.next = [this](Exchange& x, Sink& out) {
    h.advance(20310us);
    Status status = out.emit(event::bytes("first"));
    h.advance(850us);
    x.notes().edit("model").set("gemini-2.5-flash");
    x.notes().edit("output_tokens").set(7);
    return status ? out.emit(event::bytes(" last", true)) : std::move(status);
  };
  h.post(log, "/api/chat?debug=1", "{}",
         {{"X-Extension-ID", kExtension}, {"User-Agent", "curl/8"}, {"Content-Length", "2"}});

  const std::string request =
      R"({"method":"POST","path":"/api/chat","peer":"127.0.0.1","extension_id":")" +
      std::string(kExtension) + R"(",)" + kTrace;
  EXPECT_EQ(h.logs.at(0), "info: → POST /api/chat " + request + "}");
  EXPECT_EQ(h.logs.at(1), "info: ← 200 POST /api/chat " + request +
                              R"(,"status":200,"outcome":"ok","ms":21.2,"ttfb_ms":20.3,)"
                              R"("bytes_out":10,"bytes_in":2,"user_agent":"curl/8",)"
                              R"("model":"gemini-2.5-flash","output_tokens":7})");
}

TEST_F(AccessLogTest, LogsTheAuthenticatedCaller) {
  h.next = [](Exchange& x, Sink& out) {
    x.set_caller({"team", "laptop", "key-1"});
    return x.reply(out, 200, "text/plain", "hi");
  };
  h.get(log, "/");
  EXPECT_EQ(h.logs.at(0).find("team"), std::string::npos);
  EXPECT_TRUE(second_has(R"("caller":"team","user":"laptop","key":"key-1")"));
}

TEST_F(AccessLogTest, LogsOfTheCallerWhatIsKnown) {
  h.next = [](Exchange& x, Sink& out) {
    x.set_caller({"team", {}, {}});
    return x.reply(out, 200, "text/plain", "hi");
  };
  h.get(log, "/");
  EXPECT_TRUE(second_has(R"("caller":"team"})"));
}

TEST_F(AccessLogTest, LogsWhyARequestFailed) {
  h.next = testing::fails(
      {502, "upstream_unreachable", "The model cannot be reached.", "connection refused"});
  h.get(log, "/api/chat");
  EXPECT_EQ(h.logs.at(1), "error: ✗ 502 GET /api/chat {" + fields_of("GET", "/api/chat") +
                              R"(,"status":502,"outcome":"failed","code":"upstream_unreachable",)"
                              R"("detail":"connection refused","ms":0,"bytes_out":0})");
}

TEST_F(AccessLogTest, LogsMistakesOfClientsAtInfo) {
  for (const int status : {401, 404, 429}) {
    h.logs.clear();
    h.next = testing::fails({status, "rejected", "No.", {}});
    h.get(log, "/");
    EXPECT_EQ(second(), "info: ✗ " + std::to_string(status) + " GET /");
  }
}

TEST_F(AccessLogTest, KeepsTheStatusThatWasSentWhenAStreamFails) {
  h.next = [](Exchange&, Sink& out) -> Status {
    if (Status status = out.emit(event::bytes("half an ")); !status) return status;
    return Fail{502, "upstream_broken", "The model broke off.", {}};
  };
  h.get(log, "/api/chat");
  EXPECT_EQ(second(), "error: ✗ 200 GET /api/chat");
  EXPECT_TRUE(second_has(R"("status":200,"outcome":"failed","code":"upstream_broken")"));

  h.logs.clear();
  h.next = [](Exchange&, Sink& out) -> Status {
    if (Status status = out.emit(event::bytes("half an ")); !status) return status;
    return Fail{429, "upstream_quota", "The quota is used up.", {}};
  };
  h.get(log, "/api/chat");
  EXPECT_EQ(second(), "warn: ✗ 200 GET /api/chat");
}

TEST_F(AccessLogTest, LogsADisconnectedClientAtInfo) {
  h.next = testing::events({"bytes:some", "bytes:more"});
  Request request("GET", "/api/chat");
  request.leaves_after = 1;
  h.run(log, request);
  EXPECT_EQ(second(), "info: ✗ 200 GET /api/chat client left");
  EXPECT_TRUE(second_has(R"("status":200,"outcome":"left")"));
}

TEST_F(AccessLogTest, LogsAClientThatLeftBeforeTheResponseAs499) {
  h.next = [this](Exchange& x, Sink&) { return h.host().sleep(x, 2s); };
  Request request("GET", "/api/chat");
  request.patience = 1s;
  h.run(log, request);
  EXPECT_EQ(second(), "info: ✗ 499 GET /api/chat client left");
}

TEST_F(AccessLogTest, LogsARequestThatExceededItsDeadline) {
  h.next = [this](Exchange& x, Sink&) { return h.host().sleep(x, 2s); };
  Request request("GET", "/api/chat");
  request.time_limit = 1s;
  h.run(log, request);
  EXPECT_EQ(second(), "error: ✗ 504 GET /api/chat cancelled");
  EXPECT_TRUE(second_has(R"("status":504,"outcome":"cut","code":"deadline_exceeded","ms":1000)"));
}

TEST_F(AccessLogTest, LogsAResponseThatTheShutdownCut) {
  h.next = [](Exchange&, Sink&) { return Status(GH_CANCELLED); };
  h.get(log, "/api/chat");
  EXPECT_EQ(second(), "error: ✗ 503 GET /api/chat cancelled");

  h.logs.clear();
  h.next = [](Exchange&, Sink& out) {
    Status status = out.emit(event::bytes("half an "));
    return status ? Status(GH_CANCELLED) : std::move(status);
  };
  h.get(log, "/api/chat");
  EXPECT_EQ(second(), "error: ✗ 200 GET /api/chat cancelled");
  EXPECT_TRUE(second_has(R"("status":200,"outcome":"cut","code":"shutting_down")"));
}

TEST_F(AccessLogTest, LogsAnErrorStatusOfAPluginAsAFailure) {
  h.next = [](Exchange& x, Sink& out) { return x.reply(out, 503, "text/plain", "not ready"); };
  h.get(log, "/readyz");
  EXPECT_EQ(second(), "error: ✗ 503 GET /readyz");
  EXPECT_TRUE(second_has(R"("status":503,"outcome":"failed")"));
}

TEST_F(AccessLogTest, LogsTheSpanOfTheClient) {
  const std::string span = kTrace + R"(,"parent_id":"00f067aa0ba902b7")";
  h.get(log, "/", {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"}});
  for (const std::string& line : h.logs) EXPECT_NE(line.find(span), std::string::npos) << line;

  for (const char* ignored : {"00-0af7651916cd43dd8448eb211c80319c",
                              "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ""}) {
    h.logs.clear();
    h.get(log, "/", {{"traceparent", ignored}});
    EXPECT_EQ(h.logs.at(0), "info: → GET / {" + fields_of("GET", "/") + "}") << ignored;
  }
}

TEST_F(AccessLogTest, LogsTheClientBehindAProxy) {
  Request request("GET", "/");
  request.client = "198.51.100.7";
  h.run(log, request);
  const std::string addresses = R"("peer":"127.0.0.1","client":"198.51.100.7")";
  for (const std::string& line : h.logs) EXPECT_NE(line.find(addresses), std::string::npos) << line;
}

TEST_F(AccessLogTest, LogsWhatTheServerRejected) {
  Request request("GET", "/api/chat");
  request.headers = {{"User-Agent", "curl/8"}};
  h.refused(log, request, {421, "misdirected_request", "Add it to server.hosts.", {}});
  h.refused(log, Request("GET", "/"), {503, "overloaded", "Busy.", "server.max_running is 2"});
  EXPECT_EQ(h.logs.at(0), "info: ✗ 421 GET /api/chat {" + fields_of("GET", "/api/chat") +
                              R"(,"status":421,"outcome":"failed","code":"misdirected_request",)"
                              R"("detail":"Add it to server.hosts.","user_agent":"curl/8"})");
  EXPECT_EQ(h.logs.at(1), "warn: ✗ 503 GET / {" + fields_of("GET", "/") +
                              R"(,"status":503,"outcome":"failed","code":"overloaded",)"
                              R"("detail":"server.max_running is 2"})");
}

TEST_F(AccessLogTest, LogsTheTimeOfEachPluginOfAChat) {
  h.timing = "access-log;dur=0.012, mcp;dur=1.500, gemini;dur=840.000";
  h.next = [](Exchange& x, Sink& out) {
    (void)x.make_chat();
    return x.reply(out, 200, "text/plain", "hi");
  };
  h.get(log, "/");
  EXPECT_TRUE(second_has(R"("self_ms":{"access-log":0.012,"mcp":1.5,"gemini":840})"));

  h.logs.clear();
  h.next = testing::answer("hi");
  h.get(log, "/");
  EXPECT_FALSE(second_has("self_ms"));
}

TEST_F(AccessLogTest, CutsWhatClientsSend) {
  h.get(log, "/", {{"User-Agent", std::string(300, 'a')}});
  EXPECT_TRUE(second_has(R"("user_agent":")" + std::string(256, 'a') + '"'));
  h.logs.clear();
  h.refused(log, Request(std::string(99, 'B'), "/"), {400, "bad_request", "No.", {}});
  EXPECT_EQ(h.logs.at(0).substr(0, 50), "info: ✗ 400 " + std::string(32, 'B') + " / {");
}

TEST_F(AccessLogTest, CutsLongPathsAndLeavesOutMalformedExtensionIds) {
  h.get(log, "/" + std::string(5000, 'a'), {{"X-Extension-ID", "not an id"}});
  const std::string path = "/" + std::string(2047, 'a');
  EXPECT_EQ(h.logs.at(0), "info: → GET " + path + " {" + fields_of("GET", path) + "}");
}

TEST_F(AccessLogTest, LogsAboveTheLevelOnlyWhatEndedThere) {
  h.log_level = GH_ERROR;
  h.next = testing::answer("hi");
  h.get(log, "/");
  h.refused(log, Request("GET", "/"), {503, "overloaded", "Busy.", {}});
  EXPECT_EQ(h.logs, std::vector<std::string>{});

  h.next = testing::fails({500, "broken", "It is broken.", {}});
  h.get(log, "/", {{"User-Agent", "curl/8"}});
  EXPECT_EQ(h.logs, std::vector<std::string>{"error: ✗ 500 GET / {" + fields_of("GET", "/") +
                                             R"(,"status":500,"outcome":"failed","code":"broken",)"
                                             R"("ms":0,"bytes_out":0,"user_agent":"curl/8"})"});
}

TEST_F(AccessLogTest, QuotesWhatOthersSend) {
  h.next = [](Exchange& x, Sink& out) {
    x.notes().edit("a \"name\"").edit("b").set("\n");
    return x.reply(out, 200, "text/plain", "hi");
  };
  h.get(log, "/", {{"User-Agent", "a \"b\" \\"}});
  EXPECT_TRUE(second_has(R"("user_agent":"a \"b\" \\","a \"name\"":{"b":"\n"}})"));
}

TEST_F(AccessLogTest, LetsNoNoteReplaceAFieldOfItsOwn) {
  h.next = [](Exchange& x, Sink& out) {
    x.notes().edit("status").set("fine");
    return x.reply(out, 200, "text/plain", "hi");
  };
  h.get(log, "/");
  EXPECT_TRUE(second_has(R"("status":200)"));
}

}  // namespace
}  // namespace gatehouse::plugins::access_log
