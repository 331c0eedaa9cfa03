#include "responses.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"
#include "schema.h"

namespace gatehouse::plugins::responses {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Events;
using testing::Harness;
using testing::Request;

Request question(std::string members = R"("input": "Hi")") {
  Request request("POST", "/v1/responses");
  request.headers = {{"Content-Type", "application/json"}};
  request.body = R"({"model": "m", )" + members + "}";
  request.caller = {"team-a", "", "key"};
  return request;
}
Request streamed(const std::string& members = R"("input": "Hi")") {
  return question(members + R"(, "stream": true)");
}

/// The data of the events of a stream.
std::vector<Document> events_of(const Answer& answer) {
  std::vector<Document> events;
  View rest = answer.body;
  for (std::size_t at; (at = rest.find("data: ")) != View::npos;) {
    rest.remove_prefix(at + 6);
    events.push_back(testing::parse(rest.substr(0, rest.find('\n'))));
  }
  return events;
}

/// Their types, without the beginning that nearly all share.
std::vector<std::string> types_of(const Answer& answer) {
  std::vector<std::string> types;
  for (const Document& event : events_of(answer)) {
    const View type = event.root()["type"].str();
    types.emplace_back(type.substr(type.substr(0, 9) == "response." ? 9 : 0));
  }
  return types;
}

std::string last_output(const Answer& answer) {
  return events_of(answer).back().root()["response"]["output"].dump();
}

struct ResponsesTest : ::testing::Test {
  ResponsesTest() { h.be_strict(); }
  Harness h;
  Responses responses{h.host(), h.config("{}")};
};

TEST_F(ResponsesTest, RespondsWithAnObject) {
  h.next = testing::events({"step-start", "text:Hel", "text:lo",
                            R"(usage:{"input_tokens": 3, "cached_input_tokens": 1,)"
                            R"( "output_tokens": 2, "reasoning_tokens": 1})",
                            "step-finish:stop"});
  const Answer answer = h.run(responses, question());
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  const Document body = testing::parse(answer.body);
  const Json root = body.root();
  EXPECT_EQ(root["object"].str(), "response");
  EXPECT_EQ(root["status"].str(), "completed");
  EXPECT_EQ(root["model"].str(), "m");
  EXPECT_EQ(root["created_at"].integer(), 1735689600);
  const std::string random(root["id"].str().substr(5));
  EXPECT_EQ(root["output"].dump(),
            R"([{"id":"msg_)" + random +
                R"(_0","type":"message","status":"completed","role":"assistant","content":[)"
                R"({"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]}])");
  EXPECT_EQ(root["usage"].dump(),
            R"({"input_tokens":3,"input_tokens_details":{"cached_tokens":1,)"
            R"("cache_write_tokens":0},"output_tokens":2,"output_tokens_details":)"
            R"({"reasoning_tokens":1},"total_tokens":5})");
}

TEST_F(ResponsesTest, RepeatsHowToRespond) {
  h.next = testing::answer("Hello");
  const Document plain = testing::parse(h.run(responses, question()).body);
  for (const View member : {"instructions", "temperature", "top_p", "max_output_tokens", "error",
                            "incomplete_details", "previous_response_id"}) {
    EXPECT_TRUE(plain.root()[member]) << member;
    EXPECT_TRUE(plain.root()[member].is_null()) << member;
  }
  EXPECT_EQ(plain.root()["text"].dump(), R"({"format":{"type":"text"}})");
  EXPECT_EQ(plain.root()["tools"].dump(), "[]");
  EXPECT_EQ(plain.root()["tool_choice"].str(), "auto");
  EXPECT_EQ(plain.root()["metadata"].dump(), "{}");
  const std::string members = R"("input": "Hi", "instructions": "Be \"kind\".", "top_p": 0.5,
      "metadata": {"a": "b"}, "reasoning": {"effort": "low"}, "store": false)";
  const Document given = testing::parse(h.run(responses, question(members)).body);
  EXPECT_EQ(given.root()["instructions"].str(), "Be \"kind\".");
  EXPECT_EQ(given.root()["metadata"].dump(), R"({"a":"b"})");
  EXPECT_EQ(given.root()["reasoning"].dump(), R"({"effort":"low","summary":null})");
  EXPECT_FALSE(given.root()["store"].boolean(true));
}

TEST_F(ResponsesTest, StreamsTextAsItComes) {
  h.next = testing::events({"step-start", "text:Hel", "text:lo", "step-finish:stop"});
  const Answer answer = h.run(responses, streamed());
  EXPECT_EQ(answer.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(
      types_of(answer),
      (std::vector<std::string>{"created", "in_progress", "output_item.added", "content_part.added",
                                "output_text.delta", "output_text.delta", "output_text.done",
                                "content_part.done", "output_item.done", "completed"}));
  EXPECT_EQ(answer.events.size(), 4u);  // two deltas, the end of the item, the end of the response
  const auto events = events_of(answer);
  for (std::size_t i = 0; i < events.size(); ++i)
    EXPECT_EQ(events[i].root()["sequence_number"].integer(-1), static_cast<std::int64_t>(i));
  EXPECT_EQ(events[4].root()["delta"].str(), "Hel");
  EXPECT_EQ(events[4].root()["item_id"].str(), events[2].root()["item"]["id"].str());
  EXPECT_NE(answer.body.find("event: response.completed\ndata: "), std::string::npos);
}

TEST_F(ResponsesTest, ShowsReasoningOnRequestOnly) {
  h.next = testing::events({"step-start", "reasoning:Hm", "text:Hi", "step-finish:stop"});
  const Answer quiet = h.run(responses, streamed());
  EXPECT_EQ(quiet.body.find("Hm"), std::string::npos);
  EXPECT_EQ(testing::parse(h.chats.back()).root()["reasoning"].dump(), "null");
  const Answer shown =
      h.run(responses, streamed(R"("input": "Hi", "reasoning": {"summary": "auto"})"));
  EXPECT_EQ(testing::parse(h.chats.back()).root()["reasoning"].dump(), R"({"visible":true})");
  const auto types = types_of(shown);
  EXPECT_EQ((std::vector<std::string>(types.begin() + 2, types.begin() + 8)),
            (std::vector<std::string>{"output_item.added", "reasoning_summary_part.added",
                                      "reasoning_summary_text.delta", "reasoning_summary_text.done",
                                      "reasoning_summary_part.done", "output_item.done"}));
}

TEST(ResponsesSettings, CanHideReasoningFromEveryone) {
  Harness h;
  Responses responses(h.host(), h.config(R"({"send_reasoning": false})"));
  h.next = testing::events({"step-start", "reasoning:Hm", "step-finish:stop"});
  const Answer answer =
      h.run(responses, question(R"("input": "Hi", "reasoning": {"summary": "auto"})"));
  EXPECT_EQ(testing::parse(answer.body).root()["output"].dump(), "[]");
}

TEST_F(ResponsesTest, CarriesTheSignatureOfReasoningThatIsNotShown) {
  h.next = testing::events({"step-start", "reasoning:I see.",
                            R"(reasoning: @{"anthropic":{"signature":"c2ln"}})", "text:Hi",
                            "step-finish:stop"});
  const Answer answer = h.run(responses, streamed());
  const Document output = testing::parse(last_output(answer));
  const Json reasoning = output.root().at(0);
  EXPECT_EQ(reasoning["type"].str(), "reasoning");
  EXPECT_EQ(reasoning["summary"].dump(), "[]");
  const std::string again = R"("input": [{"role": "user", "content": "Q"}, )" + reasoning.dump() +
                            R"(, {"role": "assistant", "content": "Hi"}])";
  (void)h.run(responses, question(again));
  EXPECT_NE(h.chats.back().find(R"({"type":"reasoning","text":"I see.",)"
                                R"("metadata":{"anthropic":{"signature":"c2ln"}}})"),
            std::string::npos)
      << h.chats.back();
}

const std::string kTools = R"("input": "Hi", "tools": [{"type": "function", "name": "a"}])";

TEST_F(ResponsesTest, StreamsTheArgumentsOfACall) {
  h.next = testing::events({"step-start", "tool-input-start:c1:a", R"(tool-input-delta:c1:{"n")",
                            "tool-input-delta:c1::1", "tool-input-delta:c1:}",
                            R"(tool-call:c1:a:{"n":1})", "step-finish:tool-calls"});
  const Answer answer = h.run(responses, streamed(kTools));
  EXPECT_EQ(
      types_of(answer),
      (std::vector<std::string>{"created", "in_progress", "output_item.added",
                                "function_call_arguments.delta", "function_call_arguments.delta",
                                "function_call_arguments.done", "output_item.done", "completed"}));
  const Document output = testing::parse(last_output(answer));
  EXPECT_EQ(output.root().at(0)["call_id"].str(), "c1");
  EXPECT_EQ(output.root().at(0)["arguments"].str(), R"({"n":1})");
}

TEST_F(ResponsesTest, ReportsWhyAResponseIsIncomplete) {
  h.next = testing::events({"step-start", "text:Half", "step-finish:length"});
  const Document whole = testing::parse(h.run(responses, question()).body);
  EXPECT_EQ(whole.root()["status"].str(), "incomplete");
  EXPECT_EQ(whole.root()["incomplete_details"].dump(), R"({"reason":"max_output_tokens"})");
  EXPECT_EQ(whole.root()["output"].at(0)["status"].str(), "incomplete");
  h.next = testing::events({"step-start", "step-finish:content-filter"});
  const Answer answer = h.run(responses, streamed());
  EXPECT_EQ(types_of(answer), (std::vector<std::string>{"created", "in_progress", "incomplete"}));
}

TEST_F(ResponsesTest, LeavesAFailureBeforeTheStreamItsStatus) {
  h.next = testing::fails({429, "rate_limited", "Slow down.", {}, 7s});
  const Answer answer = h.run(responses, streamed());
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.body, "");
}

TEST_F(ResponsesTest, EndsAFailedStreamWithErrorAndFailed) {
  h.next = [](Exchange&, Sink& out) -> Status {
    if (Status s = testing::emit(out, {"step-start", "text:So far"}); !s) return s;
    return Fail{503, "overloaded", "The model is busy.", "secret"};
  };
  const Answer answer = h.run(responses, streamed());
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  const auto events = events_of(answer);
  const Json error = events[events.size() - 2].root(), failed = events.back().root();
  EXPECT_EQ(error["error"].dump(),
            R"({"message":"The model is busy.","type":"service_unavailable_error","param":null,)"
            R"("code":"overloaded"})");
  EXPECT_EQ(error["message"].str(), "The model is busy.");
  EXPECT_EQ(failed["type"].str(), "response.failed");
  EXPECT_EQ(failed["response"]["status"].str(), "failed");
  EXPECT_EQ(failed["response"]["error"].dump(),
            R"({"code":"server_error","message":"The model is busy."})");
}

TEST_F(ResponsesTest, EndsAStreamThatFailsAtItsEndInTheSameWay) {
  h.next = testing::events({"step-start", "text:I call", "tool-input-start:c1:a",
                            R"(tool-call-error:c1:a:no JSON:"{x")", "step-finish:tool-calls"});
  const Answer answer = h.run(responses, streamed(kTools));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(types_of(answer).back(), "failed");
  EXPECT_EQ(answer.failure.code, "upstream_malformed");
}

TEST_F(ResponsesTest, RespondsWithoutItemsWhenTheModelHadNothingToSay) {
  h.next = testing::fails({502, "upstream_empty", "The model sent an empty response.", {}});
  const Document body = testing::parse(h.run(responses, question()).body);
  EXPECT_EQ(body.root()["status"].str(), "completed");
  EXPECT_EQ(body.root()["model"].str(), "m");
  EXPECT_EQ(body.root()["output"].dump(), "[]");
}

TEST_F(ResponsesTest, KeepsItemsUnlessTheClientForbidsIt) {
  h.next = testing::events({"step-start", "text:Hm", R"(tool-call:c1:a:{"n":1} @{"google":{}})",
                            "step-finish:tool-calls"});
  (void)h.run(responses, question(kTools + R"(, "store": false)"));
  EXPECT_TRUE(h.store.empty());
  const Answer answer = h.run(responses, question(kTools));
  const std::string random(testing::parse(answer.body).root()["id"].str().substr(5));
  EXPECT_EQ(h.store[R"(items."team-a".)" + random],
            R"([{"type":"text","text":"Hm"},{"type":"tool-call","id":"c1","name":"a",)"
            R"("input":{"n":1},"metadata":{"google":{}}}])");
}

TEST_F(ResponsesTest, RespondsWithoutTheStore) {
  h.next = testing::answer("Hello");
  h.store_down = true;
  EXPECT_EQ(h.run(responses, question()).status, 200);
  EXPECT_EQ(h.logs.size(), 1u);
}

TEST(ResponsesSettings, CanKeepNothing) {
  Harness h;
  Responses responses(h.host(), h.config(R"({"keep_items": "0s"})"));
  h.next = testing::answer("Hello");
  EXPECT_EQ(h.run(responses, question()).status, 200);
  EXPECT_TRUE(h.store.empty());
}

TEST_F(ResponsesTest, NeedsAKey) {
  Request request = question();
  request.caller = {};
  EXPECT_EQ(h.run(responses, request).failure.code, "invalid_api_key");
  Harness open;
  Responses anyone(open.host(), open.config(R"({"anyone": true})"));
  open.next = testing::answer("Hello");
  EXPECT_EQ(open.run(anyone, request).status, 200);
}

TEST_F(ResponsesTest, WritesFailuresOfItsRoutesInTheFormOfTheApi) {
  const Answer answer = h.failed(question(), {413, "body_too_large", "Too large.", {}});
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body,
            R"({"error":{"message":"Too large.","type":"invalid_request_error","param":null,)"
            R"("code":"body_too_large"}})");
}

TEST_F(ResponsesTest, PassesOtherRequestsOn) {
  h.next = testing::answer("someone else");
  EXPECT_EQ(h.get(responses, "/v1/responses").body, "someone else");
}

}  // namespace
}  // namespace gatehouse::plugins::responses
