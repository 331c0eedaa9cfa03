#include "access_log.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;
using testing::Events;
using testing::Harness;
using testing::Request;

struct AccessLogTest : ::testing::Test {
  Harness h;
  AccessLog log{h.host(), Json()};

  /// Level and message of the line that tells how it ended.
  std::string second() { return h.logs.at(1).substr(0, h.logs.at(1).find(" {")); }
};

TEST_F(AccessLogTest, TellsThatARequestCameAndHowItWasAnswered) {
  h.next = [this](Exchange& x, Sink& out) {
    h.advance(20310us);
    Status status = out.emit(event::bytes("first"));
    h.advance(850us);
    x.notes().edit("model").set("gemini-2.5-flash");
    x.notes().edit("output_tokens").set(7);
    return status ? out.emit(event::bytes(" last", true)) : std::move(status);
  };
  h.post(log, "/api/chat?debug=1", "{}", {{"X-Extension-ID", "abcdefghijklmnopabcdefghijklmnop"}});

  const std::string request = R"({"method":"POST","path":"/api/chat","peer":"127.0.0.1","extension_id":"abcdefghijklmnopabcdefghijklmnop")";
  EXPECT_EQ(h.logs, (Events{"info: → POST /api/chat " + request + "}",
                            "info: ← 200 POST /api/chat " + request +
                                R"(,"status":200,"ms":21.2,"ttfb_ms":20.3,"model":"gemini-2.5-flash","output_tokens":7})"}));
}

TEST_F(AccessLogTest, TellsWhyARequestFailed) {
  h.next = testing::fails({502, "upstream_unreachable", "The model cannot be reached.", "connection refused"});
  h.get(log, "/api/chat");
  EXPECT_EQ(h.logs.at(1), R"(error: ✗ 502 GET /api/chat {"method":"GET","path":"/api/chat","peer":"127.0.0.1","status":502,"ms":0,)"
                          R"("code":"upstream_unreachable","detail":"connection refused"})");
}

TEST_F(AccessLogTest, TakesTheMistakesOfClientsForNoErrors) {
  for (const int status : {401, 404, 429}) {
    h.logs.clear();
    h.next = testing::fails({status, "refused", "No.", {}});
    h.get(log, "/");
    EXPECT_EQ(second(), "info: ✗ " + std::to_string(status) + " GET /");
  }
}

TEST_F(AccessLogTest, KeepsTheStatusThatHasLeftWhenAStreamFails) {
  h.next = [](Exchange&, Sink& out) -> Status {
    if (Status status = out.emit(event::bytes("half an ")); !status) return status;
    return Fail{502, "upstream_broken", "The model broke off.", {}};
  };
  h.get(log, "/api/chat");
  EXPECT_EQ(second(), "error: ✗ 200 GET /api/chat");
}

TEST_F(AccessLogTest, TakesALeavingClientForNoError) {
  h.next = testing::events({"bytes:some", "bytes:more"});
  Request request("GET", "/api/chat");
  request.leaves_after = 1;
  h.run(log, request);
  EXPECT_EQ(second(), "info: ✗ 200 GET /api/chat client left");
}

TEST_F(AccessLogTest, LogsAClientThatLeftBeforeAnAnswerAs499) {
  h.next = [this](Exchange& x, Sink&) { return h.host().sleep(x, 2s); };
  Request request("GET", "/api/chat");
  request.patience = 1s;
  h.run(log, request);
  EXPECT_EQ(second(), "info: ✗ 499 GET /api/chat client left");
}

TEST_F(AccessLogTest, TellsOfARequestThatRanOutOfTime) {
  h.next = [this](Exchange& x, Sink&) { return h.host().sleep(x, 2s); };
  Request request("GET", "/api/chat");
  request.time_limit = 1s;
  h.run(log, request);
  EXPECT_EQ(h.logs.at(1),
            R"(error: ✗ 504 GET /api/chat cancelled {"method":"GET","path":"/api/chat","peer":"127.0.0.1","status":504,"ms":1000})");
}

TEST_F(AccessLogTest, TellsOfARequestThatTheEndOfTheGatewayCut) {
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
}

TEST_F(AccessLogTest, TakesARefusalThatAPluginWroteItselfForAFailureToo) {
  h.next = [](Exchange& x, Sink& out) { return x.reply(out, 503, "text/plain", "not ready"); };
  h.get(log, "/readyz");
  EXPECT_EQ(second(), "error: ✗ 503 GET /readyz");
}

TEST_F(AccessLogTest, NamesTheTraceThatARequestIsPartOf) {
  h.get(log, "/", {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
  for (const std::string& line : h.logs) {
    EXPECT_NE(line.find(R"("trace_id":"0af7651916cd43dd8448eb211c80319c","parent_id":"b7ad6b7169203331")"), std::string::npos) << line;
  }
}

TEST_F(AccessLogTest, IgnoresATraceThatIsNone) {
  for (const char* traceparent : {
           "",
           "00",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333x-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
           "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01ff"}) {
    h.logs.clear();
    h.get(log, "/", {{"traceparent", traceparent}});
    EXPECT_EQ(h.logs.at(0), R"(info: → GET / {"method":"GET","path":"/","peer":"127.0.0.1"})") << traceparent;
  }
}

TEST_F(AccessLogTest, CutsLongPathsAndLeavesOutWhatIsNoExtensionId) {
  h.get(log, "/" + std::string(5000, 'a'), {{"X-Extension-ID", "not an id"}});
  const std::string path = "/" + std::string(2047, 'a');
  EXPECT_EQ(h.logs.at(0), "info: → GET " + path + R"( {"method":"GET","path":")" + path + R"(","peer":"127.0.0.1"})");
}

TEST_F(AccessLogTest, LetsNoNoteReplaceWhatItMeasured) {
  h.next = [](Exchange& x, Sink& out) {
    x.notes().edit("status").set("fine");
    return x.reply(out, 200, "text/plain", "hi");
  };
  h.get(log, "/");
  EXPECT_NE(h.logs.at(1).find(R"("status":200)"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse
