#include "messages.h"

#include <gtest/gtest.h>

#include "messages_testing.h"

namespace gatehouse::plugins::messages {
namespace {

using namespace messages_testing;

TEST(Messages, ServesCallersWithAKey) {
  Gateway gateway("{}");
  gateway.h.next = testing::answer("Hi");
  Request request("POST", "/v1/messages?beta=true");
  request.headers = {{"Content-Type", "application/json"}};
  request.body = with("");
  EXPECT_EQ(gateway.h.run(*gateway.plugin, request).failure.code, "invalid_api_key");
  EXPECT_EQ(gateway.h.next_calls, 0);
  request.caller.key = "team-a";
  EXPECT_EQ(gateway.h.run(*gateway.plugin, request).status, 200);
}

TEST(Messages, RejectsAMissingKeyBeforeItReadsTheBody) {
  Gateway gateway("{}");
  EXPECT_EQ(gateway.post("no JSON").failure.http_status, 401);
}

TEST(Messages, ServesAnyoneOnlyWhereNobodyElseCanReachIt) {
  Harness h;
  h.expose();
  h.create(R"({"anyone": true})");
  ASSERT_EQ(h.problems.size(), 1u);
  EXPECT_EQ(h.problems[0].find("/anyone: "), 0u);
}

TEST(Messages, PassesOnOtherRequests) {
  Gateway gateway;
  gateway.h.next = testing::answer("someone else");
  EXPECT_EQ(gateway.h.get(*gateway.plugin, "/v1/models").body, "someone else");
}

TEST(Messages, CountsTheTokensOfARequest) {
  Gateway gateway;
  gateway.h.next =
      testing::events({"step-start", "usage:{\"input_tokens\":42}", "step-finish:stop"});
  const Answer answer =
      gateway.post(R"({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})",
                   "/v1/messages/count_tokens");
  EXPECT_EQ(answer.body, R"({"input_tokens":42})");
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  const Document chat = testing::parse(gateway.h.chats.at(0));
  EXPECT_EQ(chat.root()["count_only"].dump(), "true");
  EXPECT_EQ(chat.root()["must"].dump(), R"(["count_only"])");
}

TEST(Messages, CountsNothingByItself) {
  Gateway gateway;
  gateway.h.next = testing::events({"step-start", "step-finish:stop"});
  EXPECT_EQ(gateway.post(with(""), "/v1/messages/count_tokens").failure.code, "upstream_malformed");
}

TEST(Messages, StopsQuietlyWhenTheClientLeaves) {
  Gateway gateway;
  gateway.h.next =
      testing::events({"step-start", "text:one", "text:two", "text:three", "step-finish:stop"});
  Request request("POST", "/v1/messages");
  request.headers = {{"Content-Type", "application/json"}};
  request.body = with(R"("stream": true)");
  request.leaves_after = 2;
  const Answer answer = gateway.h.run(*gateway.plugin, request);
  EXPECT_EQ(answer.code, GH_STOP);
  EXPECT_EQ(answer.body.find("event: error"), std::string::npos);
}

TEST(Messages, FailsWhenAPluginBelowBreaksTheOrderOfEvents) {
  Gateway gateway;
  gateway.h.next = testing::events({"text:a"});
  EXPECT_EQ(gateway.post(with("")).failure.code, "plugin_error");
}

TEST(Messages, NotesWhatTheModelDid) {
  Gateway gateway;
  gateway.h.next =
      testing::events({"step-start", "text:a", "usage:{\"input_tokens\":10,\"output_tokens\":5}",
                       "step-finish:stop"});
  const Document notes = testing::parse(gateway.post(with("")).notes);
  EXPECT_EQ(notes.root()["output_tokens"].integer(), 5);
  EXPECT_EQ(notes.root()["finish_reason"].str(), "stop");
}

}  // namespace
}  // namespace gatehouse::plugins::messages
