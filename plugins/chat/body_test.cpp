#include "body.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::chat {
namespace {

using testing::Harness;

const Choices kChoices = {.models = {"gemini-2.5-pro", "gemini-2.5-flash"},
                          .options = {"thinking", "stop"}};

/// What is wrong with a body, or "" if nothing is.
std::string complaint(View body) {
  Harness h;
  const Status status = check_body(h.json(body), kChoices);
  if (status) return "";
  EXPECT_EQ(status.failure().http_status(), 400);
  return std::string(status.failure().message());
}

std::string with_part(View part) {
  return std::string(R"({"messages": [{"role": "user", "parts": [)").append(part).append("]}]}");
}

std::string with_member(View member) {
  return std::string(
             R"({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}], )")
      .append(member)
      .append("}");
}

TEST(Body, NamesThePlaceAndTheRuleOfAWrongMessage) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "the body must be a JSON object"},
      {"null", "the body must be a JSON object"},
      {"{}", "messages must be an array of at least one message"},
      {R"({"messages": "hi"})", "messages must be an array of at least one message"},
      {R"({"messages": []})", "messages must be an array of at least one message"},
      {R"({"messages": [0]})", "messages[0] must be an object"},
      {R"({"messages": [{"role": "robot", "parts": []}]})",
       "messages[0].role must be user, assistant or system"},
      {R"({"messages": [{"role": "user\n", "parts": []}]})",
       "messages[0].role must be user, assistant or system"},
      {R"({"messages": [{"role": 7, "parts": []}]})",
       "messages[0].role must be user, assistant or system"},
      {R"({"messages": [{"role": "user", "content": "as in version 4"}]})",
       "messages[0].parts must be an array"},
      {R"({"messages": [{"role": "user", "parts": []}, {"role": "system", "parts": []}]})",
       "messages[1].role must not be system: system messages stand before all others"},
  };
  for (const auto& [body, message] : cases) EXPECT_EQ(complaint(body), message) << body;
}

TEST(Body, NamesThePlaceAndTheRuleOfAWrongPart) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("text")", " must be an object"},
      {R"({"text": "Hi"})", ".type must be a string"},
      {R"({"type": 7})", ".type must be a string"},
      {R"({"type": "text"})", ".text must be a string"},
      {R"({"type": "text", "text": null})", ".text must be a string"},
      {R"({"type": "reasoning", "text": {"a": 1}})", ".text must be a string"},
      {R"({"type": "text", "text": "", "providerMetadata": "x"})",
       ".providerMetadata must be an object"},
      {R"({"type": "file", "mediaType": "image/png"})", ".url must be a string"},
      {R"({"type": "file", "mediaType": "image/png", "url": "data:image/png;base64"})",
       ".url must have a comma before the data, as in data:image/png;base64,..."},
      {R"({"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,"})",
       ".url must hold data after the comma"},
      {R"({"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,***"})",
       ".url must hold valid base64 after the comma"},
      {R"({"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,AAAAA"})",
       ".url must hold valid base64 after the comma"},
      {R"({"type": "file", "mediaType": "image/png", "url": "photo.png"})",
       ".url must be a data URL, an https URL or base64"},
      {R"({"type": "file", "mediaType": "image/png", "url": ""})",
       ".url must be a data URL, an https URL or base64"},
      {R"({"type": "file", "mediaType": "image/png", "url": "http://a.example/b.png"})",
       ".url must be a data URL, an https URL or base64: send the file itself as a data URL"},
      {R"({"type": "file", "mediaType": "text/plain", "url": "file:///etc/passwd"})",
       ".url must be a data URL, an https URL or base64: send the file itself as a data URL"},
      {R"({"type": "file", "url": "https://a.example/b.png"})",
       ".mediaType must say what the file is, for example image/png"},
      {R"({"type": "tool-"})", ".type must name a tool after tool-"},
      {R"({"type": "dynamic-tool", "toolCallId": "c1", "state": "input-streaming"})",
       ".toolName must name a tool"},
      {R"({"type": "tool-click", "state": "input-streaming"})", ".toolCallId must be a string"},
      {R"({"type": "tool-click", "toolCallId": "c1"})", ".state must be a string"},
      {R"({"type": "tool-click", "toolCallId": "c1", "state": "output-error"})",
       ".errorText must be a string"},
      {R"({"type": "tool-click", "toolCallId": "c1", "state": "output-available",)"
       R"( "callProviderMetadata": 1})",
       ".callProviderMetadata must be an object"},
      {R"({"type": "tool-click", "toolCallId": "c1", "state": "output-denied", "approval": "no"})",
       ".approval must be an object"},
      {R"({"type": "file", "mediaType": "image/png", "url": "AAAA", "filename": 7})",
       ".filename must be a string"},
      {R"({"type": "file", "mediaType": "image/png", "url": "AAAA", "providerMetadata": 7})",
       ".providerMetadata must be an object"},
      {R"({"type": "reasoning-file", "mediaType": "image/png"})", ".url must be a string"},
      {R"({"type": "steering-message", "id": "s1"})", ".parts must be an array"},
      {R"({"type": "steering-message", "id": "s1", "parts": [{"type": "text"}]})",
       ".parts[0].text must be a string"},
  };
  for (const auto& [part, message] : cases) {
    EXPECT_EQ(complaint(with_part(part)), std::string("messages[0].parts[0]").append(message))
        << part;
  }
  EXPECT_EQ(complaint(with_part(R"({"type": "step-start"}, {"type": "text"})")),
            "messages[0].parts[1].text must be a string");
}

TEST(Body, NamesTheRuleOfAnyOtherWrongMember) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("model": "gpt-4")", "model must be one of: gemini-2.5-pro, gemini-2.5-flash"},
      {R"("model": "")", "model must be one of: gemini-2.5-pro, gemini-2.5-flash"},
      {R"("model": ["gemini-2.5-pro"])", "model must be one of: gemini-2.5-pro, gemini-2.5-flash"},
      {R"("modelConfig": "fast")", "modelConfig must be an object"},
      {R"("modelConfig": {"mode": "magic"})", "modelConfig.mode must be backend or byok"},
      {R"("modelConfig": {"mode": true})", "modelConfig.mode must be backend or byok"},
      {R"("modelConfig": {"remoteModel": "../x"})",
       "modelConfig.remoteModel must be one of: gemini-2.5-pro, gemini-2.5-flash"},
      {R"("workflowId": 7)", "workflowId must be a string"},
      {R"("threadId": [1])", "threadId must be a string"},
      {R"("initialPageContext": {"url": "x"})", "initialPageContext must be a string"},
      {R"("toolSchemas": {})", "toolSchemas must be an array"},
      {R"("toolSchemas": [null])", "toolSchemas[0] must be an object"},
      {R"("toolSchemas": [{"name": "a"}, {"description": "nameless"}])",
       "toolSchemas[1].name must be a string that is not empty"},
      {R"("toolSchemas": [{"name": ""}])",
       "toolSchemas[0].name must be a string that is not empty"},
      {R"("toolSchemas": [{"name": "a", "description": 1}])",
       "toolSchemas[0].description must be a string"},
      {R"("toolSchemas": [{"name": "a", "inputSchema": true}])",
       "toolSchemas[0].inputSchema must be an object"},
      {R"("toolSchemas": [{"name": "a", "mcp": "files"}])", "toolSchemas[0].mcp must be an object"},
      {R"("accepts": "tool-approval-request")", "accepts must be an array"},
      {R"("accepts": ["from-the-future", 7])", "accepts[1] must be a string"},
      {R"("modelOptions": ["low"])", "modelOptions must be an object"},
      {R"("modelOptions": {"thinking": "a lot"})",
       "modelOptions.thinking must be off, minimal, low, medium, high, xhigh or a number of "
       "tokens"},
  };
  for (const auto& [member, message] : cases)
    EXPECT_EQ(complaint(with_member(member)), message) << member;
}

TEST(Body, LetsNullStandForAnAbsentMember) {
  EXPECT_EQ(
      complaint(with_member(R"("model": null, "modelConfig": {"mode": null, "remoteModel": null},)"
                            R"( "workflowId": null, "threadId": null,
                                     "initialPageContext": null, "accepts": null,
                                     "modelOptions": {"thinking": null, "seed": null},
                                     "toolSchemas": [{"name": "a", "description": null,
                                     "inputSchema": null, "mcp": null}])")),
      "");
  EXPECT_EQ(
      complaint(with_member(R"("modelConfig": null, "toolSchemas": null, "modelOptions": null)")),
      "");
  EXPECT_EQ(complaint(with_part(R"({"type": "text", "text": "Hi", "providerMetadata": null})")),
            "");
}

TEST(Body, AcceptsAnythingInMembersThatItDoesNotUse) {
  EXPECT_EQ(complaint(with_member(
                R"("id": 1, "trigger": [], "temperature": "hot", "toolSchemas": [{"name": "a",)"
                R"( "parameters": 7}])")),
            "");
  EXPECT_EQ(complaint(with_part(
                R"({"type": "data-note", "data": 1}, {"type": "from-the-future", "text": 1},)"
                R"( {"type": "custom", "kind": 1},
                                   {"type": "source-document"}, {"type": "source-url"},
                                   {"type": "tool-click", "toolCallId": "c1",
                                   "state": "from-the-future"})")),
            "");
  EXPECT_EQ(complaint(with_member(R"("accepts": ["from-the-future"])")), "");
}

}  // namespace
}  // namespace gatehouse::plugins::chat
