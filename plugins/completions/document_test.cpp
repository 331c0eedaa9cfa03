#include "document.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse;
using gatehouse::plugins::completions::write_document;
using gatehouse::testing::Harness;
using gatehouse::testing::parse;
using gatehouse::testing::Request;

/// Writes the chat document of a body where a plugin would.
class Writer final : public Plugin {
 public:
  explicit Writer(Host host) : ids(host) {}
  Status handle(Exchange& x, Sink& out, Next&) override {
    auto body = x.json();
    if (!body) return body.error();
    if (Status status = write_document(x, *body, ids, shows_reasoning, x.make_chat()); !status)
      return status;
    chat = x.chat().dump();
    return out.emit(event::bytes({}, true));
  }

  const CallIds ids;
  bool shows_reasoning = true;
  std::string chat;
};

std::string document(const std::string& body, bool shows_reasoning = true) {
  Harness h;
  Writer writer(h.host());
  writer.shows_reasoning = shows_reasoning;
  const auto answer = h.post(writer, "/", body);
  return answer.failure.http_status == 0 ? writer.chat : answer.failure.message;
}

/// The messages of the chat document.
std::string messages(const std::string& given) {
  const std::string chat = document(R"({"model": "m", "messages": [)" + given + "]}");
  const Harness binds_json;
  return parse(chat).root()["messages"].dump();
}

/// What the chat document has besides the model and the message.
std::string rest(const std::string& members, bool shows_reasoning = true) {
  const std::string chat =
      document(R"({"model": "m", "messages": [{"role": "user", "content": "x"}], )" + members + "}",
               shows_reasoning);
  const Harness binds_json;
  const Document parsed = parse(chat);
  parsed.root().erase(parsed.root()["model"]);
  parsed.root().erase(parsed.root()["messages"]);
  return parsed.root().dump();
}

TEST(Document, HasNothingThatTheClientHasNotSaid) {
  EXPECT_EQ(
      document(R"({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})"),
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]})");
}

TEST(Document, PutsSystemMessagesFirst) {
  EXPECT_EQ(messages(R"({"role": "user", "content": "a"},
                        {"role": "developer", "content": [{"type": "text", "text": "b"},
                                                          {"type": "text", "text": "c"}]},
                        {"role": "system", "content": ""})"),
            R"([{"role":"system","content":[{"type":"text","text":"bc"}]},)"
            R"({"role":"user","content":[{"type":"text","text":"a"}]}])");
}

TEST(Document, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(messages(R"({"role": "user", "content": [{"type": "text", "text": ""}]},
                        {"role": "assistant", "content": null},
                        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
                        {"role": "user", "content": "a"})"),
            R"([{"role":"assistant","content":[{"type":"text","text":"No."}]},)"
            R"({"role":"user","content":[{"type":"text","text":"a"}]}])");
  EXPECT_EQ(document(R"({"model": "m", "messages": [{"role": "system", "content": "x"}]})"),
            "messages must hold a text or a file that is not empty");
}

TEST(Document, HasFiles) {
  EXPECT_EQ(messages(R"({"role": "user", "content": [
          {"type": "image_url", "image_url": {"url": "https://a/b.png?x"}},
          {"type": "image_url", "image_url": {"url": "https://a/b"}},
          {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
          {"type": "file", "file": {"file_data": "data:;base64,aGk=", "filename": "a.pdf"}}]})"),
            R"([{"role":"user","content":[)"
            R"({"type":"file","url":"https://a/b.png?x","media_type":"image/png"},)"
            R"({"type":"file","url":"https://a/b","media_type":"image/jpeg"},)"
            R"({"type":"file","data":"aGk=","media_type":"audio/wav"},)"
            R"({"type":"file","data":"aGk=","media_type":"application/pdf","name":"a.pdf"}]}])");
}

TEST(Document, HasCallsWithTheirResultsAsTexts) {
  EXPECT_EQ(messages(R"({"role": "assistant", "content": "Well.", "tool_calls": [
            {"id": "1", "function": {"name": "a", "arguments": "{\"q\": 1}"}},
            {"id": "2", "function": {"name": "b", "arguments": ""}}]},
          {"role": "tool", "tool_call_id": "2", "content": "{\"n\": 1}"},
          {"role": "tool", "tool_call_id": "1", "content": null})"),
            R"([{"role":"assistant","content":[{"type":"text","text":"Well."},)"
            R"({"type":"tool-call","id":"1","name":"a","input":{"q":1}},)"
            R"({"type":"tool-call","id":"2","name":"b","input":{}}]},)"
            R"({"role":"tool","content":[)"
            R"({"type":"tool-result","id":"2","name":"b","output":"{\"n\": 1}"},)"
            R"({"type":"tool-result","id":"1","name":"a","output":""}]}])");
}

TEST(Document, TakesSignaturesFromTheIdOrFromWhereGooglePutsThem) {
  const std::string metadata = to_base64url(R"({"google":{"thoughtSignature":"s"}})");
  const std::string id = "1_md_" + metadata;
  EXPECT_EQ(messages(R"({"role": "assistant", "tool_calls": [
                  {"id": ")" +
                     id + R"(", "function": {"name": "a"}},
                  {"id": "2", "function": {"name": "a"},
                   "extra_content": {"google": {"thought_signature": "t"}}}]},
               {"role": "tool", "tool_call_id": ")" +
                     id + R"(", "content": "x"})"),
            R"([{"role":"assistant","content":[)"
            R"({"type":"tool-call","id":"1","metadata":{"google":{"thoughtSignature":"s"}},)"
            R"("name":"a","input":{}},)"
            R"({"type":"tool-call","id":"2","name":"a","input":{},)"
            R"("metadata":{"google":{"thoughtSignature":"t"}}}]},)"
            R"({"role":"tool","content":[{"type":"tool-result","id":"1","name":"a",)"
            R"("output":"x"}]}])");
}

TEST(Document, HasTheSettingsOfTheRequest) {
  EXPECT_EQ(rest(R"("temperature": 0, "top_p": 0.5, "seed": 7, "max_tokens": 64,
                    "max_completion_tokens": 128, "stop": "END", "parallel_tool_calls": false)"),
            R"({"temperature":0,"top_p":0.5,"seed":7,"parallel_tool_calls":false,)"
            R"("max_output_tokens":128,"stop":["END"]})");
  EXPECT_EQ(rest(R"("stop": ["a", "", "b"])"), R"({"stop":["a","b"]})");
  EXPECT_EQ(rest(R"("temperature": null, "stop": [], "max_tokens": null)"), "{}");
}

TEST(Document, ShowsReasoningThatTheClientHasAskedFor) {
  EXPECT_EQ(rest(R"("reasoning_effort": "low")"),
            R"({"reasoning":{"effort":"low","visible":true}})");
  EXPECT_EQ(rest(R"("reasoning_effort": "low")", false),
            R"({"reasoning":{"effort":"low","visible":false}})");
}

TEST(Document, HasAResponseFormatThatMustBeHonoured) {
  EXPECT_EQ(rest(R"("response_format": {"type": "text"})"), "{}");
  EXPECT_EQ(rest(R"("response_format": {"type": "json_object"})"),
            R"({"response_format":{"type":"json"},"must":["response_format"]})");
  EXPECT_EQ(rest(R"("response_format": {"type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object"}}})"),
            R"({"response_format":{"type":"json","schema":{"type":"object"},"name":"n"},)"
            R"("must":["response_format"]})");
}

std::string choice(const std::string& given) {
  return rest(R"("tools": [
      {"type": "function", "function": {"name": "a", "description": "A", "parameters": {"x": 1}}},
      {"type": "function", "function": {"name": "b", "strict": true}}], "tool_choice": )" +
              given);
}

TEST(Document, HasToolsAndTheChoiceAmongThem) {
  const std::string tools =
      R"({"tools":[{"name":"a","description":"A","input_schema":{"x":1}},{"name":"b"}])";
  EXPECT_EQ(choice("null"), tools + "}");
  EXPECT_EQ(choice("\"auto\""), tools + R"(,"tool_choice":{"mode":"auto"}})");
  EXPECT_EQ(choice("\"required\""),
            tools + R"(,"tool_choice":{"mode":"required"},"must":["tool_choice"]})");
  EXPECT_EQ(choice(R"({"type": "function", "function": {"name": "b"}})"),
            tools + R"(,"tool_choice":{"mode":"required","names":["b"]},"must":["tool_choice"]})");
}

TEST(Document, OffersOnlyAllowedTools) {
  EXPECT_EQ(choice(R"({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
                      {"type": "function", "function": {"name": "b"}}]}})"),
            R"({"tools":[{"name":"b"}],"tool_choice":{"mode":"required"},"must":["tool_choice"]})");
}

}  // namespace
