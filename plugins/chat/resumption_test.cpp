#include "resumption.h"

#include <gtest/gtest.h>

#include "chat.h"
#include "gatehouse/testing.hpp"
#include "schema.h"

namespace gatehouse::plugins::chat {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Events;
using testing::Harness;
using testing::Request;

const testing::CallerText kAda{"acme", "ada", ""};

Request question(const std::string& id = R"("c1")") {
  Request request("POST", "/api/chat");
  request.headers = {{"Content-Type", "application/json"}};
  request.body = R"({"id": )" + id +
                 R"(, "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]})";
  request.caller = kAda;
  return request;
}

Request on_stream(const std::string& method = "GET", testing::CallerText caller = kAda,
                  const std::string& id = "c1") {
  Request request(method, "/api/chat/" + id + "/stream");
  request.caller = std::move(caller);
  return request;
}

struct ResumptionTest : ::testing::Test {
  Harness h;
  Chat chat{h.host(), h.config(R"({"resume": "5m"})")};
  const testing::NextFunction hello = testing::events(
      {"step-start", "text:Hel", "text:lo", R"(usage:{"output_tokens":1})", "step-finish:stop"});

  Answer run_and_leave(Request request = question()) {
    h.next = hello;
    request.leaves_after = 2;
    return h.run(chat, request);
  }
};

TEST_F(ResumptionTest, GivesAClientThatLeftTheWholeResponse) {
  h.next = hello;
  const std::string whole = h.run(chat, question()).body;
  const Answer left = run_and_leave();
  EXPECT_EQ(left.code, GH_STOP);
  EXPECT_EQ(left.notes, R"({"model":"gemini-3.8-flash","finish_reason":"stop","output_tokens":1,)"
                        R"("ttft_ms":0,"steps":1,"after_client_left":"completed"})");
  const Answer resumed = h.run(chat, on_stream());
  EXPECT_EQ(resumed.body, whole);
  EXPECT_EQ(resumed.status, 200);
  EXPECT_EQ(resumed.header("X-Vercel-AI-UI-Message-Stream"), "v1");
  EXPECT_EQ(resumed.notes, R"({"resumes":"request-1"})");
}

TEST_F(ResumptionTest, GivesItOnce) {
  run_and_leave();
  EXPECT_EQ(h.run(chat, on_stream()).status, 200);
  EXPECT_EQ(h.run(chat, on_stream()).status, 204);
}

TEST_F(ResumptionTest, GivesItAgainToAClientThatLeavesAgain) {
  run_and_leave();
  Request leaves = on_stream();
  leaves.leaves_after = 0;
  EXPECT_EQ(h.run(chat, leaves).code, GH_STOP);
  EXPECT_EQ(h.run(chat, on_stream()).status, 200);
}

TEST_F(ResumptionTest, GivesNothingOnceTheTimeIsUp) {
  run_and_leave();
  h.advance(5min);
  EXPECT_EQ(h.run(chat, on_stream()).status, 204);
}

TEST_F(ResumptionTest, GivesNothingToOtherCallers) {
  run_and_leave();
  for (const testing::CallerText& other :
       {testing::CallerText{"acme", "bob", ""}, {"acme", "ada", "key"}, {"", "ada", ""}, {}})
    EXPECT_EQ(h.run(chat, on_stream("GET", other)).status, 204);
  EXPECT_EQ(h.run(chat, on_stream("GET", kAda, "c2")).status, 204);
  EXPECT_EQ(h.run(chat, on_stream()).status, 200);
}

TEST_F(ResumptionTest, DecodesTheIdInThePath) {
  run_and_leave(question(R"("a/b ü")"));
  EXPECT_EQ(h.run(chat, on_stream("GET", kAda, "a%2Fb%20%C3%BC")).status, 200);
}

TEST_F(ResumptionTest, ResumesNoChatWithoutAnId) {
  EXPECT_EQ(run_and_leave(question("1")).code, GH_STOP);
  EXPECT_EQ(run_and_leave(question(R"("")")).code, GH_STOP);
  EXPECT_EQ(h.run(chat, on_stream("GET", kAda, "1")).status, 204);
}

TEST_F(ResumptionTest, KeepsNoFailureBeforeTheStream) {
  h.next = testing::fails({429, "budget_spent", "Try again tomorrow.", {}});
  EXPECT_EQ(h.run(chat, question()).status, 429);
  EXPECT_EQ(h.run(chat, on_stream()).status, 204);
}

TEST_F(ResumptionTest, ForgetsAResponseThatIsStopped) {
  run_and_leave();
  EXPECT_EQ(h.run(chat, on_stream("DELETE", {"acme", "bob", ""})).status, 204);
  EXPECT_EQ(h.run(chat, on_stream("DELETE")).status, 204);
  EXPECT_EQ(h.run(chat, on_stream()).status, 204);
}

TEST_F(ResumptionTest, StopsTheModelAtItsNextEvent) {
  int events = 0;
  h.next = [&](Exchange&, Sink& out) -> Status {
    if (Status status = testing::emit(out, {"step-start", "text:a"}); !status) return status;
    EXPECT_EQ(h.run(chat, on_stream("DELETE")).status, 204);
    for (; events < 3; ++events) {
      if (Status status = out.emit(event::text("b")); !status) return status;
    }
    return {};
  };
  const Answer answer = h.run(chat, question());
  EXPECT_EQ(events, 0);
  EXPECT_EQ(answer.code, GH_OK);
  EXPECT_EQ(answer.events.back(), "bytes+last:data: {\"type\":\"abort\"}\n\ndata: [DONE]\n\n");
}

TEST_F(ResumptionTest, ResumesAcrossAReload) {
  run_and_leave();
  Harness h2;
  Chat next(h2.host(), h2.config(R"({"resume": "1m"})"));
  next.adopt(chat);
  EXPECT_NE(h2.run(next, on_stream()).body, "");
  EXPECT_EQ(h.run(chat, on_stream()).status, 204);
}

TEST_F(ResumptionTest, FreesWhatCanNoLongerBeResumed) {
  const std::string bytes =
      "gatehouse_chat_recorded_bytes{plugin=\"" + std::string(h.host().instance()) + "\"}";
  run_and_leave();
  h.run_background(0, 1);
  EXPECT_GT(h.metrics.at(bytes), 0);
  h.advance(5min);
  h.run_background(0, 2);
  EXPECT_EQ(h.metrics.at(bytes), 0);
}

TEST_F(ResumptionTest, EndsAChatWhoseClientHasLeftAtOnceIfItIsOff) {
  Harness h2;
  Chat off(h2.host(), h2.config("{}"));
  h2.next = hello;
  Request request = question();
  request.leaves_after = 2;
  const Answer left = h2.run(off, request);
  EXPECT_EQ(left.code, GH_STOP);
  EXPECT_EQ(testing::parse(left.notes).root()["after_client_left"].str(), "");
  EXPECT_EQ(h2.run(off, on_stream()).status, 204);
  EXPECT_EQ(h2.run(off, on_stream("DELETE")).status, 204);
}

}  // namespace
}  // namespace gatehouse::plugins::chat
