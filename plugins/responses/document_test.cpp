#include "document.h"

#include <gtest/gtest.h>

#include "encrypted_content.h"
#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::responses {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::Request;

/// Writes the document of each request, or fails.
class Writing final : public Plugin {
 public:
  Writing(Host host, std::string body) : body_(std::move(body)), ids_(host), stored_(host, 1h) {}

  Status handle(Exchange& x, Sink& out, Next&) override {
    const Document body = testing::parse(body_);
    if (Status s = write_document(x, body.root(), ids_, stored_); !s) return s;
    return out.emit(event::bytes(x.chat().dump(), true));
  }

 private:
  const std::string body_;
  const CallIds ids_;
  StoredItems stored_;
};

/// The chat document, or the message of the failure.
std::string document(Harness& h, std::string body, std::string tenant = "team-a") {
  Writing writing(h.host(), std::move(body));
  Request request("POST", "/v1/responses");
  request.caller = {tenant, "", "key"};
  const testing::Answer answer = h.run(writing, request);
  return answer.failure.http_status ? answer.failure.message : answer.body;
}

std::string member(View name, std::string body) {
  Harness h;
  return testing::parse(document(h, std::move(body))).root()[name].dump();
}

std::string messages(View items) {
  return member("messages", std::string(R"({"model": "m", "input": [)").append(items).append("]}"));
}
std::string complaint(View items) {
  Harness h;
  return document(h, std::string(R"({"model": "m", "input": [)").append(items).append("]}"));
}
std::string compact(View json) { return testing::parse(json).root().dump(); }

const std::string kCall =
    R"({"type": "function_call", "call_id": "c1", "name": "a", "arguments": "{\"n\": 1}"})";
const std::string kOutput = R"({"type": "function_call_output", "call_id": "c1", "output": "x"})";

TEST(ResponsesDocument, HasNothingThatTheClientHasNotSaid) {
  Harness h;
  EXPECT_EQ(document(h, R"({"model": "m", "input": "Hi"})"),
            compact(R"({"model": "m", "tools": [], "hidden_tools": true, "messages": [
              {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]})"));
}

TEST(ResponsesDocument, HoistsInstructionsAndSystemMessages) {
  EXPECT_EQ(member("messages", R"({"model": "m", "instructions": "One", "input": [
              {"role": "user", "content": "Hi"}, {"role": "system", "content": ""},
              {"role": "developer", "content": [{"type": "input_text", "text": "Tw"},
                                                {"type": "input_text", "text": "o"}]}]})"),
            compact(R"([{"role": "system", "content": [{"type": "text", "text": "One"}]},
              {"role": "system", "content": [{"type": "text", "text": "Two"}]},
              {"role": "user", "content": [{"type": "text", "text": "Hi"}]}])"));
}

TEST(ResponsesDocument, PutsOutputsBehindTheStepOfTheirCalls) {
  EXPECT_EQ(messages(R"({"role": "user", "content": "Q"},)" + kCall +
                     R"(, {"role": "assistant", "content": "and"},
                  {"type": "function_call", "call_id": "c2", "name": "b", "arguments": ""},
                  {"role": "user", "content": "hurry"},
                  {"type": "function_call_output", "call_id": "c2", "output": "y"},)" +
                     kOutput),
            compact(R"([{"role": "user", "content": [{"type": "text", "text": "Q"}]},
        {"role": "assistant", "content": [
          {"type": "tool-call", "id": "c1", "name": "a", "input": {"n": 1}},
          {"type": "text", "text": "and"},
          {"type": "tool-call", "id": "c2", "name": "b", "input": {}}]},
        {"role": "tool", "content": [
          {"type": "tool-result", "id": "c1", "name": "a", "output": "x"},
          {"type": "tool-result", "id": "c2", "name": "b", "output": "y"}]},
        {"role": "user", "content": [{"type": "text", "text": "hurry"}]}])"));
}

TEST(ResponsesDocument, JoinsCallsOfOneIdWithTheirOutputsInOrder) {
  const std::string second = R"({"type": "function_call_output", "call_id": "c1", "output": "y"})";
  const std::string written = messages(kCall + "," + kOutput + "," + kCall + "," + second);
  EXPECT_LT(written.find(R"("output":"x")"), written.find(R"("output":"y")"));
}

TEST(ResponsesDocument, RequiresThatCallsAndOutputsBelongTogether) {
  EXPECT_EQ(complaint(kCall), "input[0] needs a function_call_output with its call_id");
  EXPECT_EQ(complaint(kOutput + "," + kCall), "input[0].call_id is of no function_call before it");
  EXPECT_EQ(complaint(kCall + "," + kOutput + "," + kOutput),
            "input[2].call_id is of no function_call before it");
  EXPECT_EQ(complaint(R"({"type": "function_call", "call_id": "c1", "name": "a",
                          "arguments": "[1]"},)" +
                      kOutput),
            "input[0].arguments must be the JSON text of an object");
}

TEST(ResponsesDocument, RequiresSomethingToRespondTo) {
  const std::string message = "input must hold a text or a file that is not empty";
  EXPECT_EQ(complaint(""), message);
  EXPECT_EQ(complaint(R"({"role": "user", "content": ""})"), message);
  EXPECT_EQ(complaint(R"({"role": "system", "content": "Be kind."})"), message);
}

TEST(ResponsesDocument, HasFilesAndResultsWithParts) {
  EXPECT_EQ(messages(R"({"role": "user", "content": [
              {"type": "input_image", "image_url": "https://x.example/a.png?b"},
              {"type": "input_file", "file_data": "data:text/plain;base64,QQ==", "filename": "a"},
              {"type": "input_audio", "input_audio": {"format": "wav", "data": "QQ=="}}]})"),
            compact(R"([{"role": "user", "content": [
              {"type": "file", "url": "https://x.example/a.png?b", "media_type": "image/png"},
              {"type": "file", "data": "QQ==", "media_type": "text/plain", "name": "a"},
              {"type": "file", "media_type": "audio/wav", "data": "QQ=="}]}])"));
  const std::string result =
      messages(kCall + R"(, {"type": "function_call_output", "call_id": "c1", "output": [
        {"type": "input_text", "text": "a page"},
        {"type": "input_image", "image_url": "data:image/png;base64,QQ=="}]})");
  EXPECT_NE(result.find(compact(R"({"content": [{"type": "text", "text": "a page"},
              {"type": "file", "data": "QQ==", "media_type": "image/png"}]})")
                            .substr(1)),
            std::string::npos)
      << result;
}

TEST(ResponsesDocument, TakesBackTheReasoningOfThisGatewayOnly) {
  Harness h;
  const std::string ours =
      encrypted_content_of("I see.", h.json(R"({"google": {"thoughtSignature": "c2ln"}})"));
  EXPECT_EQ(messages(R"({"type": "reasoning", "summary": [], "encrypted_content": ")" + ours +
                     R"("}, {"type": "reasoning", "encrypted_content": "gAAAAAB"},
                        {"type": "reasoning", "encrypted_content": "gatehouse.bm8"},
                        {"type": "reasoning", "summary": [{"text": "Hm"}]})"),
            compact(R"([{"role": "assistant", "content": [{"type": "reasoning", "text": "I see.",
              "metadata": {"google": {"thoughtSignature": "c2ln"}}}]}])"));
}

TEST(ResponsesDocument, ResolvesReferencesOfTheSameTenant) {
  Harness h;
  const std::string body = R"({"model": "m", "input": [{"role": "user", "content": "Q"},
      {"type": "item_reference", "id": "msg_R_0"}, {"id": "fc_R_1"},)" +
                           kOutput + "]}";
  h.store[R"(items."team-a".R)"] = R"([{"type": "text", "text": "Hm"},
      {"type": "tool-call", "id": "c1", "name": "a", "input": {}, "metadata": {"google": {}}}])";
  EXPECT_EQ(testing::parse(document(h, body)).root()["messages"].at(1).dump(),
            compact(R"({"role": "assistant", "content": [{"type": "text", "text": "Hm"},
              {"type": "tool-call", "id": "c1", "name": "a", "input": {},
               "metadata": {"google": {}}}]})"));
  const View unknown = "input[1].id names an item that is not stored here";
  EXPECT_EQ(document(h, body, "team-b").substr(0, unknown.size()), unknown);
  h.store_down = true;
  EXPECT_EQ(document(h, body),
            "Stored items cannot be read now; try again, or send the items themselves.");
}

TEST(ResponsesDocument, KnowsNoItemByAnotherId) {
  for (const View id : {"", "msg", "msg_", "msg_R", "msg_R_", "msg_R_x", "msg_R_1", "msg_R_-1",
                        "msg_R_99999999999999999999", "_R_0x", "R_0"}) {
    Harness h;
    h.store[R"(items."team-a".R)"] = R"([{"type": "text", "text": "Hm"}])";
    const std::string body = std::string(R"({"model": "m", "input": [{"id": ")").append(id);
    EXPECT_EQ(document(h, body + R"("}]})").substr(0, 12), "input[0].id ") << id;
  }
}

TEST(ResponsesDocument, LooksUpNoIdThatIsTooLong) {
  Harness h;
  const std::string random(65, 'R');
  h.store[R"(items."team-a".)" + random] = R"([{"type": "text", "text": "Hm"}])";
  EXPECT_EQ(
      document(h, R"({"model": "m", "input": [{"id": "msg_)" + random + R"(_0"}]})").substr(0, 12),
      "input[0].id ");
}

TEST(ResponsesDocument, HasHowToRespond) {
  const std::string body = R"({"model": "m", "input": "Hi", "temperature": 0, "top_p": 0.5,
      "max_output_tokens": 9, "parallel_tool_calls": false, "reasoning": {"effort": "low"},
      "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true}},
      "tools": [{"type": "function", "name": "a", "description": "d", "parameters": {}},
                {"type": "function", "name": "b", "parameters": null}],
      "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"name": "b"}]}})";
  EXPECT_EQ(member("tools", body),
            compact(R"([{"name": "a", "description": "d", "input_schema": {}}, {"name": "b"}])"));
  EXPECT_EQ(member("tool_choice", body), compact(R"({"mode": "auto", "names": ["b"]})"));
  EXPECT_EQ(member("response_format", body),
            compact(R"({"type": "json", "schema": {}, "name": "n"})"));
  EXPECT_EQ(member("reasoning", body), compact(R"({"effort": "low"})"));
  EXPECT_EQ(member("must", body), compact(R"(["response_format", "tool_choice"])"));
  EXPECT_EQ(member("temperature", body), "0");
  EXPECT_EQ(member("parallel_tool_calls", body), "false");
}

}  // namespace
}  // namespace gatehouse::plugins::responses
