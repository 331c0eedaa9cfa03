#include "body.h"

#include <gtest/gtest.h>

#include "messages_testing.h"

namespace gatehouse::plugins::messages {
namespace {

using namespace messages_testing;

/// What is wrong with a body, or "" if nothing is.
std::string complaint(View body, Purpose purpose = Purpose::kGenerate) {
  Harness h;
  const Status status = check_body(h.json(body), purpose);
  if (status) return "";
  EXPECT_EQ(status.failure().http_status(), 400);
  return std::string(status.failure().message());
}

std::string block(View json) { return complaint(talk(user(std::string(json)))); }

TEST(MessagesBody, NamesWhatIsMissing) {
  EXPECT_EQ(complaint("[]"), "The body must be a JSON object.");
  EXPECT_EQ(complaint("{}"), "model: Field required");
  EXPECT_EQ(complaint(R"({"model": ""})"), "model: must not be empty");
  EXPECT_EQ(complaint(R"({"model": 4})"), "model: must be a string");
  EXPECT_EQ(complaint(R"({"model": "m"})"), "max_tokens: Field required");
  EXPECT_EQ(complaint(R"({"model": "m", "max_tokens": 1})"), "messages: Field required");
  EXPECT_EQ(complaint(R"({"model": "m", "max_tokens": 1, "messages": "Hi"})"),
            "messages: must be an array");
  EXPECT_EQ(complaint(talk("")), "messages: at least one message is required");
}

TEST(MessagesBody, RequiresNoLimitToCountTokens) {
  const View body = R"({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})";
  EXPECT_EQ(complaint(body, Purpose::kCount), "");
  EXPECT_EQ(complaint(body), "max_tokens: Field required");
}

TEST(MessagesBody, NamesThePlaceOfAWrongMessage) {
  const std::pair<const char*, const char*> cases[] = {
      {"7", "messages.0: must be an object"},
      {R"({"content": "x"})", "messages.0.role: must be user, assistant or system"},
      {R"({"role": "robot", "content": "x"})",
       "messages.0.role: must be user, assistant or system"},
      {R"({"role": "user"})", "messages.0.content: Field required"},
      {R"({"role": "user", "content": 7})",
       "messages.0.content: must be a string or an array of blocks"},
      {R"({"role": "system", "content": [{"type": "image"}]})",
       "messages.0.content.0.type: must be text"},
      {R"({"role": "user", "content": "a"}, {"role": "assistant", "content": null})",
       "messages.1.content: Field required"},
  };
  for (const auto& [message, error] : cases) EXPECT_EQ(complaint(talk(message)), error) << message;
}

TEST(MessagesBody, NamesThePlaceOfAWrongBlock) {
  const std::pair<const char*, const char*> cases[] = {
      {"7", ": must be an object"},
      {"{}", ".type: Field required"},
      {R"({"type": "hologram"})", ".type: hologram is not supported here"},
      {R"({"type": "tool_use", "id": "c", "name": "t", "input": {}})",
       ".type: tool_use is not supported here"},
      {R"({"type": "text"})", ".text: Field required"},
      {R"({"type": "text", "text": 7})", ".text: must be a string"},
      {R"({"type": "image"})", ".source: Field required"},
      {R"({"type": "image", "source": {"type": "file", "file_id": "f"}})",
       ".source.type: must be base64, url or, for a document, text"},
      {R"({"type": "image", "source": {"type": "text", "data": "x"}})",
       ".source.type: must be base64, url or, for a document, text"},
      {R"({"type": "image", "source": {"type": "base64", "data": "AAAA"}})",
       ".source.media_type: Field required"},
      {R"({"type": "image", "source": {"type": "base64", "media_type": "image/png"}})",
       ".source.data: Field required"},
      {R"({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "*"}})",
       ".source.data: must be base64 and not empty"},
      {R"({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}})",
       ".source.data: must be base64 and not empty"},
      {R"({"type": "image", "source": {"type": "url", "url": "http://10.0.0.1/a.png"}})",
       ".source.url: must be an https URL; send the file itself as base64"},
      {R"({"type": "document", "source": {"type": "text", "media_type": "text/plain"}})",
       ".source.data: Field required"},
      {R"({"type": "document", "source": {"type": "content", "content": [{"type": "document"}]}})",
       ".source.content.0.type: must be text"},
      {R"({"type": "search_result", "source": "s", "title": "t"})", ".content: Field required"},
      {R"({"type": "search_result", "content": [{"type": "image"}]})",
       ".content.0.type: must be text"},
  };
  for (const auto& [given, error] : cases)
    EXPECT_EQ(block(given), std::string("messages.0.content.0").append(error)) << given;
  EXPECT_EQ(block(text("a") + R"(, {"type": "hologram"})"),
            "messages.0.content.1.type: hologram is not supported here");
}

TEST(MessagesBody, NamesThePlaceOfAWrongBlockOfTheAssistant) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type": "document", "source": {"type": "text", "data": "x"}})",
       ".type: document is not supported here"},
      {R"({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})",
       ".type: server_tool_use is not supported here"},
      {R"({"type": "thinking", "signature": "x"})", ".thinking: Field required"},
      {R"({"type": "thinking", "thinking": "a", "signature": 7})", ".signature: must be a string"},
      {R"({"type": "redacted_thinking"})", ".data: Field required"},
      {R"({"type": "tool_use", "name": "t", "input": {}})", ".id: Field required"},
      {R"({"type": "tool_use", "id": "", "name": "t", "input": {}})", ".id: must not be empty"},
      {R"({"type": "tool_use", "id": "c", "input": {}})", ".name: Field required"},
      {R"({"type": "tool_use", "id": "c", "name": "t", "input": "{}"})",
       ".input: must be an object"},
  };
  for (const auto& [given, error] : cases) {
    EXPECT_EQ(complaint(talk(user(text("Q")) + ", " + assistant(given))),
              std::string("messages.1.content.0").append(error))
        << given;
  }
}

TEST(MessagesBody, RequiresAResultOfEachCallInTheNextTurn) {
  const std::string question = user(text("Q")), two = assistant(call("a") + ", " + call("b"));
  const auto complaint_of = [&](const std::string& rest) {
    return complaint(talk(question + ", " + two + rest));
  };
  const std::string a = result("a", "\"1\""), b = result("b", "\"2\"");
  const View missing = ": each tool_use of the message before it needs a tool_result";

  EXPECT_EQ(complaint_of(", " + user(a + ", " + b)), "");
  EXPECT_EQ(complaint_of(", " + user(a) + ", " + user(text("and") + ", " + b)), "");
  EXPECT_EQ(complaint_of(", " + user(a)), std::string("messages.2").append(missing));
  EXPECT_EQ(complaint_of(", " + user(text("no"))), std::string("messages.2").append(missing));
  EXPECT_EQ(complaint_of(", " + user(a) + ", " + assistant(text("x"))),
            std::string("messages.2").append(missing));
  EXPECT_EQ(complaint_of(""), "messages.1: each tool_use needs a tool_result in the next message");
}

TEST(MessagesBody, RequiresACallOfEachResult) {
  const std::string question = user(text("Q")), one = assistant(call("a"));
  const std::string a = result("a", "\"1\"");
  const View unknown = ".tool_use_id: must be the id of a tool_use of the message before";

  EXPECT_EQ(complaint(talk(user(a))), std::string("messages.0.content.0").append(unknown));
  EXPECT_EQ(complaint(talk(question + ", " + one + ", " + user(a + ", " + a))),
            std::string("messages.2.content.1").append(unknown));
  EXPECT_EQ(complaint(talk(question + ", " + one + ", " + user(a) + ", " + assistant(text("x")) +
                           ", " + user(a))),
            std::string("messages.4.content.0").append(unknown));
}

TEST(MessagesBody, NamesThePlaceOfAWrongResult) {
  const auto complaint_of = [](const std::string& members) {
    return complaint(talk(user(text("Q")) + ", " + assistant(call("a")) + ", " +
                          user(R"({"type": "tool_result", "tool_use_id": "a", )" + members + "}")));
  };
  EXPECT_EQ(complaint_of(R"("content": null, "is_error": null)"), "");
  EXPECT_EQ(complaint_of(R"("is_error": "no")"),
            "messages.2.content.0.is_error: must be true or false");
  EXPECT_EQ(complaint_of(R"("content": {})"),
            "messages.2.content.0.content: must be a string or an array of blocks");
  EXPECT_EQ(complaint_of(R"("content": [{"type": "tool_result", "tool_use_id": "a"}])"),
            "messages.2.content.0.content.0.type: tool_result is not supported here");
}

TEST(MessagesBody, NamesTheRuleOfAnyOtherWrongMember) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("system": 7)", "system: must be a string or an array of blocks"},
      {R"("system": [{"type": "image"}])", "system.0.type: must be text"},
      {R"("tools": {})", "tools: must be an array"},
      {R"("tools": [7])", "tools.0: must be an object"},
      {R"("tools": [{"type": "web_search_20250305", "name": "web_search"}])",
       "tools.0.type: web_search_20250305 is not available here, only custom tools are"},
      {R"("tools": [{"input_schema": {}}])", "tools.0.name: Field required"},
      {R"("tools": [{"name": "a b", "input_schema": {}}])",
       "tools.0.name: must be 1 to 128 letters, digits, _ and -"},
      {R"("tools": [{"name": "a"}])", "tools.0.input_schema: Field required"},
      {R"("tools": [{"name": "a", "input_schema": []}])",
       "tools.0.input_schema: must be an object"},
      {R"("tools": [{"name": "a", "input_schema": {}, "description": 7}])",
       "tools.0.description: must be a string"},
      {R"("tools": [{"name": "a", "input_schema": {}}, {"name": "a", "input_schema": {}}])",
       "tools.1.name: must not be that of another tool"},
      {R"("tool_choice": "auto")", "tool_choice: must be auto, any, none, or name one of tools"},
      {R"("tool_choice": {"type": "tool", "name": "b"}, "tools": [])",
       "tool_choice: must be auto, any, none, or name one of tools"},
      {R"("tool_choice": {"type": "auto", "disable_parallel_tool_use": 1})",
       "tool_choice.disable_parallel_tool_use: must be true or false"},
      {R"("thinking": {"type": "maybe"})", "thinking.type: must be enabled, adaptive or disabled"},
      {R"("thinking": {"type": "enabled"})",
       "thinking.budget_tokens: must be an integer from 1024 to 10000000"},
      {R"("thinking": {"type": "enabled", "budget_tokens": 10})",
       "thinking.budget_tokens: must be an integer from 1024 to 10000000"},
      {R"("thinking": {"type": "enabled", "budget_tokens": 2000})",
       "max_tokens: must be greater than thinking.budget_tokens"},
      {R"("output_config": 7)", "output_config: must be an object"},
      {R"("output_config": {"effort": "none"})",
       "output_config.effort: must be one of low, medium, high, xhigh, max"},
      {R"("output_config": {"format": {"type": "json"}})",
       "output_config.format.type: must be json_schema"},
      {R"("output_config": {"format": {"type": "json_schema"}})",
       "output_config.format.schema: Field required"},
      {R"("output_format": {"type": "json_object"})", "output_format.type: must be json_schema"},
      {R"("temperature": 1.5)", "temperature: must be a number from 0 to 1"},
      {R"("temperature": "hot")", "temperature: must be a number from 0 to 1"},
      {R"("top_p": -0.1)", "top_p: must be a number from 0 to 1"},
      {R"("top_k": -1)", "top_k: must be an integer from 0 to 10000000"},
      {R"("top_k": 1.5)", "top_k: must be an integer from 0 to 10000000"},
      {R"("stop_sequences": "END")", "stop_sequences: must be an array of strings"},
      {R"("stop_sequences": ["a", 7])", "stop_sequences.1: must be a string"},
      {R"("stop_sequences": [""])", "stop_sequences.0: must not be empty"},
      {R"("stream": 1)", "stream: must be true or false"},
      {R"("mcp_servers": [{"type": "url"}])",
       "mcp_servers: the MCP servers of the gateway are its operator's; the header "
       "X-Gatehouse-Tools requests their tools"},
  };
  for (const auto& [member, error] : cases) EXPECT_EQ(complaint(with(member)), error) << member;
  EXPECT_EQ(complaint(R"({"model": "m", "max_tokens": 0, "messages": []})"),
            "max_tokens: must be an integer from 1 to 10000000");
}

TEST(MessagesBody, RejectsAKeptConversationByTheCodeThatClientsKnow) {
  Harness h;
  const Status status =
      check_body(h.json(with(R"("thread": {"type": "create"})")), Purpose::kGenerate);
  EXPECT_EQ(status.failure().code(), "thread_unsupported_request");
  EXPECT_EQ(status.failure().message(),
            "thread: conversations are not kept here, send all messages");
}

TEST(MessagesBody, LetsNullStandForAnAbsentMember) {
  EXPECT_EQ(complaint(with(R"("system": null, "tools": null, "tool_choice": null, "thinking": null,
      "output_config": null, "temperature": null, "top_p": null, "top_k": null,
      "stop_sequences": null, "stream": null, "thread": null, "mcp_servers": null)")),
            "");
  EXPECT_EQ(complaint(with(R"("output_config": {"effort": null, "format": null}, "tools":
      [{"type": null, "name": "a", "description": null, "input_schema": {}}])")),
            "");
}

TEST(MessagesBody, AcceptsAnythingInMembersThatItDoesNotUse) {
  EXPECT_EQ(complaint(with(R"("metadata": 7, "service_tier": [], "container": "c", "speed": "fast",
      "context_management": {"edits": []}, "betas": ["x"], "mcp_servers": [],
      "never_heard_of": 1)")),
            "");
  EXPECT_EQ(block(R"({"type": "text", "text": "a", "cache_control": 7, "citations": null})"), "");
}

}  // namespace
}  // namespace gatehouse::plugins::messages
