#include "document.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::chat {
namespace {

using testing::Harness;

const Defaults kDefaults = {.model = "gemini-3.8-flash",
                            .system_prompt = "Be kind.",
                            .temperature = 0.5,
                            .max_output_tokens = 100,
                            .reasoning = false};

/// The chat document of a body, without the white space of the test.
std::string document(View body, const Defaults& defaults = kDefaults) {
  Harness h;
  const Document chat;
  const Status status = write_document(h.json(body), defaults, chat.root());
  return status ? chat.root().dump() : std::string(status.failure().message());
}

std::string compact(View json) {
  Harness h;
  return h.json(json).dump();
}

/// One member of the chat document.
std::string member(View name, View body) {
  Harness h;
  return h.json(document(body))[name].dump();
}

std::string messages(View given) {
  return member("messages", std::string(R"({"messages": )").append(given).append("}"));
}

std::string user(View parts) {
  return std::string(R"([{"role": "user", "parts": [)").append(parts).append("]}]");
}

/// After a question, so that there is something to answer.
std::string assistant(View parts) {
  return std::string(R"([{"role": "user", "parts": [{"type": "text", "text": "Q"}]},)"
                     R"( {"role": "assistant", "parts": [)")
      .append(parts)
      .append("]}]");
}
std::string after_question(View rest) {
  return compact(std::string(R"([{"role": "user", "content": [{"type": "text", "text": "Q"}]})")
                     .append(rest)
                     .append("]"));
}

TEST(ChatDocument, HasTheDefaultModelAndWhatTheUserSaid) {
  EXPECT_EQ(
      document(R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]})"),
      compact(R"({
    "model": "gemini-3.8-flash", "system": [{"type": "text", "text": "Be kind.",
    "default": true}], "temperature": 0.5, "max_output_tokens": 100,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]})"));
}

TEST(ChatDocument, LeavesOutWhatTheOperatorLeavesToTheProvider) {
  EXPECT_EQ(
      document(R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]})",
               {.model = "m",
                .system_prompt = "",
                .temperature = {},
                .max_output_tokens = {},
                .reasoning = true}),
      compact(R"({"model": "m", "reasoning": {"visible": true}, "messages": [{"role": "user",)"
              R"( "content": [{"type": "text", "text": "Hi"}]}]})"));
}

TEST(ChatDocument, PrefersTheOptionsOfTheClientToTheDefaults) {
  Harness h;
  const Json chat = h.json(document(R"({
    "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}],
    "modelOptions": {"topP": 0.5, "temperature": 2}})"));
  EXPECT_EQ(chat["top_p"].real(), 0.5);
  EXPECT_EQ(chat["temperature"].real(), 2);
  EXPECT_EQ(chat["max_output_tokens"].integer(), 100);
}

TEST(ChatDocument, KeepsWhetherReasoningIsShownBesideItsEffort) {
  EXPECT_EQ(document(R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}],
                         "modelOptions": {"thinking": "low"}})",
                     {.model = "m",
                      .system_prompt = "",
                      .temperature = {},
                      .max_output_tokens = {},
                      .reasoning = true}),
            compact(R"({"model": "m", "reasoning": {"visible": true, "effort": "low"},
                        "messages": [{"role": "user", "content": [{"type": "text",
                        "text": "Hi"}]}]})"));
}

TEST(ChatDocument, NamesTheWorkflowThatTheClientChooses) {
  const std::string body =
      R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}],)"
      R"( "workflowId": )";
  EXPECT_EQ(member("workflow", body + R"("research"})"), R"("research")");
  EXPECT_EQ(member("workflow", body + R"(""})"), "null");
}

TEST(ChatDocument, KeepsOfWhatTheClientAcceptsWhatPluginsUse) {
  const std::string body =
      R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}], "accepts": )";
  EXPECT_EQ(
      member("accepts",
             body + R"(["from-the-future", "tool-approval-request", "tool-approval-request"]})"),
      R"(["tool-approval-request"])");
  EXPECT_EQ(member("accepts", body + R"(["from-the-future"]})"), "null");
}

TEST(ChatDocument, TakesTheModelFromTheModelConfigFirst) {
  const std::string body =
      R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}],)"
      R"( "model": "first")";
  EXPECT_EQ(member("model", body + "}"), R"("first")");
  EXPECT_EQ(member("model", body + R"(, "modelConfig": {"mode": "byok"}})"), R"("first")");
  EXPECT_EQ(member("model", body + R"(, "modelConfig": {"remoteModel": "second"}})"),
            R"("second")");
}

TEST(ChatDocument, PutsThePageContextAfterThePrompt) {
  const std::string body =
      R"(, "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]})";
  EXPECT_EQ(member("system", R"({"initialPageContext": "A page")" + body),
            compact(R"([{"type": "text", "text": "Be kind.", "default": true},
                        {"type": "text", "text": "\n\n[INITIAL PAGE CONTEXT]\nA page"}])"));
  EXPECT_EQ(member("system", R"({"initialPageContext": "")" + body),
            R"([{"type":"text","text":"Be kind.","default":true}])");
}

TEST(ChatDocument, KeepsSystemMessagesAsOneTextEach) {
  EXPECT_EQ(
      messages(
          R"([{"role": "system", "parts": [{"type": "text", "text": "Speak "}, {"type": "text",)"
          R"( "text": "French."}]},
                         {"role": "system", "parts": [{"type": "text", "text": ""}]},
                         {"role": "user", "parts": [{"type": "text", "text": "Hi"}]}])"),
      compact(R"([{"role": "system", "content": [{"type": "text", "text": "Speak French."}]},
                        {"role": "user", "content": [{"type": "text", "text": "Hi"}]}])"));
}

TEST(ChatDocument, TurnsFilesIntoBase64OrLinks) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("mediaType": "image/jpeg", "url": "data:image/png;base64,iVBORw0KGgo=")",
       R"("data": "iVBORw0KGgo=", "media_type": "image/png")"},
      {R"("mediaType": "text/csv", "url": "DATA:text/csv;charset=utf-8;BASE64,YSxiCg==")",
       R"("data": "YSxiCg==", "media_type": "text/csv")"},
      {R"("mediaType": "text/plain",)"
       R"( "url": "data:text/plain;charset=utf-8,gr%C3%BC%C3%9Fe%20%26%20mehr")",
       R"("data": "Z3LDvMOfZSAmIG1laHI=", "media_type": "text/plain")"},
      {R"("mediaType": "text/plain", "url": "data:,100%25%2%")",
       R"("data": "MTAwJSUyJQ==", "media_type": "text/plain")"},
      {R"("mediaType": "audio/wav", "url": "UklGRg==")",
       R"("data": "UklGRg==", "media_type": "audio/wav")"},
      {R"("mediaType": "image/*", "url": "iVBORw0KGgo=")",
       R"("data": "iVBORw0KGgo=", "media_type": "image/jpeg")"},
      {R"("mediaType": "image", "url": "iVBORw0KGgo=")",
       R"("data": "iVBORw0KGgo=", "media_type": "image/jpeg")"},
      {R"("mediaType": "image/png", "url": "iVBORw0KGgo=", "filename": "cat.png",)"
       R"( "providerReference": {"google": "files/x"})",
       R"("data": "iVBORw0KGgo=", "media_type": "image/png", "name": "cat.png")"},
      {R"("mediaType": "video/mp4", "url": "https://youtu.be/dQw4w9WgXcQ")",
       R"("url": "https://youtu.be/dQw4w9WgXcQ", "media_type": "video/mp4")"},
  };
  for (const auto& [given, expected] : cases) {
    EXPECT_EQ(messages(user(std::string(R"({"type": "file", )").append(given).append("}"))),
              compact(std::string(R"([{"role": "user", "content": [{"type": "file", )")
                          .append(expected)
                          .append("}]}]")));
  }
}

TEST(ChatDocument, DividesTheHistoryIntoTheStepsOfTheModel) {
  EXPECT_EQ(messages(assistant(R"({"type": "step-start"},
                                  {"type": "reasoning", "text": "hm",
                                  "providerMetadata": {"google": {"thoughtSignature": "s1"}}},
                                  {"type": "tool-click", "toolCallId": "c1",
                                  "state": "output-available", "input": {"at": 1},
                                   "output": {"ok": true},
                                   "callProviderMetadata": {"google": {"thoughtSignature": "s2"}}},
                                  {"type": "text", "text": "Clicked."},
                                  {"type": "step-start"},
                                  {"type": "tool-click", "toolCallId": "c2",
                                  "state": "output-available", "input": {}, "output": 2},
                                  {"type": "step-start"},
                                  {"type": "text", "text": "Done.",
                                  "providerMetadata": {"google": {"thoughtSignature": "s3"}}})")),
            after_question(R"(, {"role": "assistant", "content": [
                                  {"type": "reasoning", "text": "hm",
                                  "metadata": {"google": {"thoughtSignature": "s1"}}},
                                  {"type": "tool-call", "id": "c1", "name": "click",
                                  "input": {"at": 1},
                                   "metadata": {"google": {"thoughtSignature": "s2"}}},
                                  {"type": "text", "text": "Clicked."}]},
                                {"role": "tool", "content": [{"type": "tool-result", "id": "c1",
                                "name": "click", "output": {"ok": true}}]},
                                {"role": "assistant", "content": [{"type": "tool-call",
                                "id": "c2", "name": "click", "input": {}}]},
                                {"role": "tool", "content": [{"type": "tool-result", "id": "c2",
                                "name": "click", "output": 2}]},
                                {"role": "assistant", "content": [
                                  {"type": "text", "text": "Done.",
                                  "metadata": {"google": {"thoughtSignature": "s3"}}}]})"));
}

TEST(ChatDocument, KeepsOnlyToolCallsWithAResult) {
  for (const char* unanswered :
       {R"("state": "input-streaming")", R"("state": "input-available", "input": {})",
        R"("state": "approval-requested", "input": {})",
        R"("state": "output-available", "input": {}, "output": 1, "preliminary": true)",
        R"("state": "input-available", "input": {}, "providerExecuted": true)",
        R"("state": "approval-responded", "input": {})",
        R"("state": "approval-responded", "input": {}, "approval": {"id": "a", "approved": true},)"
        R"( "providerExecuted": true)",
        R"("state": "from-the-future", "input": {}, "output": 1)"}) {
    EXPECT_EQ(messages(assistant(std::string(R"({"type": "tool-click", "toolCallId": "c1", )")
                                     .append(unanswered)
                                     .append("}"))),
              after_question(""))
        << unanswered;
  }
}

TEST(ChatDocument, HasToolCallsAndTheirResults) {
  struct Case {
    const char *part, *name, *input, *result;
  };
  const Case cases[] = {
      {R"("type": "tool-a-b", "state": "output-available", "input": {"x": [1, 2.5]},)"
       R"( "output": "text")",
       "a-b", R"({"x": [1, 2.5]})", R"("output": "text")"},
      {R"("type": "dynamic-tool", "toolName": "kit_echo", "state": "output-available",)"
       R"( "input": {}, "output": [null])",
       "kit_echo", "{}", R"("output": [null])"},
      {R"("type": "tool-click", "state": "output-available", "input": {})", "click", "{}",
       R"("output": null)"},
      {R"("type": "tool-click", "state": "output-available", "input": {}, "output": 1,)"
       R"( "approval": {"id": "a", "approved": true})",
       "click", "{}", R"("output": 1)"},
      {R"("type": "tool-click", "state": "output-error", "input": {"at": 1}, "errorText": "gone")",
       "click", R"({"at": 1})", R"("error": true, "output": "gone")"},
      {R"("type": "tool-click", "state": "output-error", "rawInput": {"at": 2},)"
       R"( "errorText": "gone")",
       "click", R"({"at": 2})", R"("error": true, "output": "gone")"},
      {R"("type": "tool-click", "state": "output-error", "rawInput": "{broken",)"
       R"( "errorText": "gone")",
       "click", "{}", R"("error": true, "output": "gone")"},
      {R"("type": "tool-click", "state": "output-denied", "input": {}, "approval": {"id": "a",)"
       R"( "approved": false, "reason": "Not this."})",
       "click", "{}", R"("error": true, "output": "Not this.")"},
      {R"("type": "tool-click", "state": "output-denied", "input": {}, "approval": {"id": "a",)"
       R"( "approved": false})",
       "click", "{}", R"("error": true, "output": "The user denied this tool call.")"},
  };
  for (const Case& c : cases) {
    const std::string id_and_name =
        std::string(R"("id": "c1", "name": ")").append(c.name).append(R"(", )");
    EXPECT_EQ(
        messages(assistant(std::string(R"({"toolCallId": "c1", )").append(c.part).append("}"))),
        after_question(R"(, {"role": "assistant", "content": [{"type": "tool-call", )" +
                       id_and_name + R"("input": )" + c.input + R"(}]},
                                  {"role": "tool", "content": [{"type": "tool-result", )" +
                       id_and_name + c.result + "}]}"))
        << c.part;
  }
}

TEST(ChatDocument, KeepsCallsOfTheProviderWhereTheyStood) {
  EXPECT_EQ(messages(assistant(R"({"type": "step-start"},
                                  {"type": "tool-code_execution", "toolCallId": "c1",
                                  "state": "output-available", "providerExecuted": true,
                                   "input": {"code": "6*7"}, "output": {"output": "42"},
                                   "callProviderMetadata": {"google": {"s": "1"}}},
                                  {"type": "dynamic-tool", "toolName": "search",
                                  "toolCallId": "c2", "state": "output-error",
                                   "providerExecuted": true, "input": {}, "errorText": "gone"},
                                  {"type": "text", "text": "It is 42."})")),
            after_question(R"(, {"role": "assistant", "content": [
                                  {"type": "tool-call", "id": "c1", "name": "code_execution",
                                  "provider_executed": true,
                                   "input": {"code": "6*7"}, "metadata": {"google": {"s": "1"}}},
                                  {"type": "tool-result", "id": "c1", "name": "code_execution",
                                  "provider_executed": true,
                                   "output": {"output": "42"}},
                                  {"type": "tool-call", "id": "c2", "name": "search",
                                  "provider_executed": true, "input": {}},
                                  {"type": "tool-result", "id": "c2", "name": "search",
                                  "provider_executed": true, "error": true, "output": "gone"},
                                  {"type": "text", "text": "It is 42."}]})"));
}

TEST(ChatDocument, KeepsTheDecisionOfTheUserAboutACall) {
  EXPECT_EQ(messages(assistant(R"({"type": "step-start"},
      {"type": "dynamic-tool", "toolName": "pay", "toolCallId": "c1",
      "state": "approval-responded", "input": {"to": "Eve"},
       "approval": {"id": "a1", "approved": true, "signature": "s"}},
      {"type": "dynamic-tool", "toolName": "pay", "toolCallId": "c2",
      "state": "approval-responded", "input": {},
       "approval": {"id": "a2", "approved": false, "reason": "Too much."}},
      {"type": "dynamic-tool", "toolName": "echo", "toolCallId": "c3",
      "state": "output-available", "input": {}, "output": 1})")),
            after_question(R"(, {"role": "assistant", "content": [
      {"type": "tool-call", "id": "c1", "name": "pay", "input": {"to": "Eve"},
      "approval": {"id": "a1", "approved": true}},
      {"type": "tool-call", "id": "c2", "name": "pay", "input": {}, "approval": {"id": "a2",
      "approved": false, "reason": "Too much."}},
      {"type": "tool-call", "id": "c3", "name": "echo", "input": {}}]},
      {"role": "tool", "content": [{"type": "tool-result", "id": "c3", "name": "echo",
      "output": 1}]})"));
}

TEST(ChatDocument, DropsTheDecisionOfTheUserOnceTheChatHasContinued) {
  const std::string answered = R"({"type": "dynamic-tool", "toolName": "pay", "toolCallId": "c1",)"
                               R"( "state": "approval-responded", "input": {},
                                   "approval": {"id": "a1", "approved": true}})";
  for (const char* next :
       {R"({"type": "step-start"})", R"({"type": "steering-message", "id": "s", "parts": []})"}) {
    EXPECT_EQ(messages(assistant(answered + ", " + next)), after_question("")) << next;
  }
  std::string chat = assistant(answered);
  chat.pop_back();
  EXPECT_EQ(messages(chat + R"(, {"role": "user", "parts": []}])"), after_question(""));
}

TEST(ChatDocument, TurnsASteeringMessageIntoAUserMessage) {
  EXPECT_EQ(
      messages(assistant(R"({"type": "step-start"}, {"type": "text", "text": "Going."},
                                  {"type": "steering-message", "id": "s1",
                                  "parts": [{"type": "text", "text": "Left"},
                                    {"type": "file", "mediaType": "image/png",
                                    "url": "data:image/png;base64,AAAA"}]},
                                  {"type": "text", "text": "Turned."})")),
      after_question(R"(, {"role": "assistant", "content": [{"type": "text", "text": "Going."}]},
                                {"role": "user", "content": [{"type": "text", "text": "Left"},
                                  {"type": "file", "data": "AAAA", "media_type": "image/png"}]},
                                {"role": "assistant", "content": [{"type": "text",
                                "text": "Turned."}]})"));
}

TEST(ChatDocument, KeepsSignaturesOnEmptyPartsAndFiles) {
  const char* parts =
      R"({"type": "text", "text": "", "providerMetadata": {"google": {"thoughtSignature": "s1"}}},
                         {"type": "reasoning", "text": "",
                         "providerMetadata": {"google": {"thoughtSignature": "s2"}}},
                         {"type": "file", "mediaType": "image/png", "url": "AAAA",
                         "providerMetadata": {"google": {"thoughtSignature": "s3"}}},
                         {"type": "reasoning-file", "mediaType": "image/png", "url": "AAAA",
                          "providerMetadata": {"google": {"thoughtSignature": "s4"}}})";
  EXPECT_EQ(messages(assistant(parts)), after_question(R"(, {"role": "assistant", "content": [
    {"type": "text", "text": "", "metadata": {"google": {"thoughtSignature": "s1"}}},
    {"type": "reasoning", "text": "", "metadata": {"google": {"thoughtSignature": "s2"}}},
    {"type": "file", "data": "AAAA", "media_type": "image/png",
    "metadata": {"google": {"thoughtSignature": "s3"}}},
    {"type": "reasoning-file", "data": "AAAA", "media_type": "image/png",
    "metadata": {"google": {"thoughtSignature": "s4"}}}]})"));
}

TEST(ChatDocument, DropsWhatNoModelCanUse) {
  EXPECT_EQ(messages(assistant(
                R"({"type": "step-start"}, {"type": "text", "text": ""}, {"type": "reasoning",)"
                R"( "text": ""},
                                  {"type": "text", "text": "", "providerMetadata": {}},
                                  {"type": "custom", "kind": "a.b"},
                                  {"type": "source-document", "sourceId": "s0",
                                  "mediaType": "a/b", "title": "T"},
                                  {"type": "source-url", "sourceId": "s1",
                                  "url": "https://s.example"},
                                  {"type": "data-progress", "data": 50})")),
            after_question(""));
}

TEST(ChatDocument, RejectsAnEmptyConversation) {
  for (const char* empty :
       {R"([{"role": "user", "parts": []}])",
        R"([{"role": "user", "parts": [{"type": "text", "text": ""}]}])",
        R"([{"role": "system", "parts": [{"type": "text", "text": "Be brief."}]}])"}) {
    EXPECT_EQ(document(std::string(R"({"messages": )").append(empty).append("}")),
              "messages must hold a text or a file that is not empty")
        << empty;
  }
}

TEST(ChatDocument, OffersToolsWhereTheyRun) {
  const std::string body =
      R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}],)"
      R"( "toolSchemas": [
    {"name": "click", "description": "Click", "inputSchema": {"type": "object"},
    "parameters": {"ignored": true}},
    {"name": "here", "mcp": {"executionLocation": "extension"}},
    {"name": "there", "mcp": {"executionLocation": "backend"}},
    {"name": "both", "mcp": {"executionLocation": "either"}}]})";
  EXPECT_EQ(
      member("tools", body),
      compact(R"([{"name": "click", "description": "Click", "input_schema": {"type": "object"}},)"
              R"( {"name": "here"}, {"name": "both"}])"));
  EXPECT_EQ(member("backend_tools", body), R"(["there","both"])");
}

TEST(ChatDocument, DistinguishesAnEmptyListOfToolsFromNone) {
  const std::string body =
      R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}],)"
      R"( "toolSchemas": )";
  EXPECT_EQ(member("tools", body + "[]}"), "[]");
  EXPECT_EQ(member("tools", body + R"([{"name": "a", "mcp": {"executionLocation": "backend"}}]})"),
            "[]");
  EXPECT_EQ(member("tools", body + "null}"), "null");
}

TEST(ChatDocument, KeepsTheLastAnnouncementOfATool) {
  const std::string body =
      R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}],)"
      R"( "toolSchemas": [
    {"name": "twice", "description": "old", "inputSchema": {},
    "mcp": {"executionLocation": "backend"}},
    {"name": "once"},
    {"name": "twice"}]})";
  EXPECT_EQ(member("tools", body), R"([{"name":"once"},{"name":"twice"}])");
  EXPECT_EQ(member("backend_tools", body), "null");
}

}  // namespace
}  // namespace gatehouse::plugins::chat
