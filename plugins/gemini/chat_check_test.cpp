#include "chat_check.h"

#include <gtest/gtest.h>

#include "request_testing.h"

namespace gatehouse::plugins::gemini {
namespace {

using namespace testing;

/// A sink that keeps the warnings.
struct Warnings final : Sink {
  Status emit(Event e) override {
    lines.push_back(std::string(e.name()) + ": " + std::string(e.text()));
    return {};
  }
  Events lines;
};

/// The failure of a chat, "CODE: MESSAGE", or else its warnings.
Events check(View model, const std::string& members, std::vector<ToolForm> tools = {}) {
  Requests requests;
  const Document document = parse(R"({"model": ")" + std::string(model) + R"(", )" + members + "}");
  const Json chat = document.root();
  ToolNames names(requests.crypto, chat["tools"]);
  auto unhonoured = check_chat(chat, requests.options(chat, names, std::move(tools)));
  if (!unhonoured) {
    const Status status = unhonoured.error();
    const Failure failure = status.failure();
    EXPECT_EQ(failure.http_status(), 400);
    return {std::string(failure.code()) + ": " + std::string(failure.message())};
  }
  Warnings warnings;
  EXPECT_TRUE(unhonoured->warn(warnings));
  return warnings.lines;
}
Events check(const std::string& members) { return check("gemini-3.8-flash", members); }

Events check_content(const std::string& role, const std::string& parts) {
  return check(R"("messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]},
                               {"role": ")" +
               role + R"(", "content": [)" + parts + "]}]");
}

/// What must not be passed over in silence is an error where `must` names it.
void expect_unhonoured(View model, const std::string& member, const std::string& more,
                       const std::string& why) {
  const std::string sentence = "`" + member + "` is not honoured: " + why + ".";
  EXPECT_EQ(check(model, more), Events{member + ": " + sentence});
  EXPECT_EQ(check(model, more + R"(, "must": [")" + member + "\"]"),
            Events{"unsupported_parameter: " + sentence});
}

const std::string kTools = R"("tools": [{"name": "open"}, {"name": "read"}])";

TEST(ChatCheck, LetChatsThroughThatGeminiHonours) {
  EXPECT_EQ(check("gemini-2.5-flash", R"("messages": [], "system": [{"type": "text", "text": "a"}],
      "temperature": 1, "top_p": 0.5, "top_k": 3, "seed": 1, "stop": ["a"], "workflow": "w",
      "max_output_tokens": 5, "reasoning": {"effort": "low", "visible": true}, "accepts": [],
      "tool_choice": {"mode": "auto", "names": ["open"]}, "parallel_tool_calls": true,
      "modalities": ["text"], "options": {"openai": {"x": 1}, "google": {"imageConfig": {}}},
      "backend_tools": [], "must": ["seed", "tools", "reasoning", "response_format"], )" +
                                          kTools),
            Events());
  EXPECT_EQ(check(R"("messages": [], "response_format": {"type": "json", "schema": {}},
      "provider_tools": [{"name": "google_search"}], "must": ["response_format"], )" +
                  kTools),
            Events());
}

TEST(ChatCheck, FailForPartsThatAreUnknown) {
  EXPECT_EQ(check_content("user", R"({"type": "text", "text": "a"}, {"type": "hologram"})"),
            Events{"unsupported: messages[1].content[1] is not supported: the type `hologram` is "
                   "unknown in a user message"});
  EXPECT_EQ(check_content("critic", R"({"type": "text", "text": "a"})").at(0).substr(0, 53),
            "unsupported: messages[1].content[0] is not supported:");
  EXPECT_EQ(check_content("tool", R"({"type": "text", "text": "a"})").at(0).substr(0, 11),
            "unsupported");
  EXPECT_EQ(check_content("tool", R"({"type": "tool-result", "id": "c", "name": "open",
                                      "content": [{"type": "video"}]})"),
            Events{"unsupported: messages[1].content[0].content[0] is not supported: the type "
                   "`video` is unknown in a tool-result"});
  EXPECT_EQ(check_content("user", R"({"type": "file", "media_type": "a/b", "file_id": "1"})"),
            Events{"unsupported: messages[1].content[0] is not supported: the file has no `data` "
                   "and no `url`"});
  EXPECT_EQ(check(R"("messages": [], "system": [{"type": "image"}])"),
            Events{"unsupported: system[0] is not supported: it is not a text"});
}

TEST(ChatCheck, ReportFilesAndCallsThatAreLeftOut) {
  EXPECT_EQ(check_content("user", R"({"type": "file", "media_type": "application/zip",
                                      "data": "UEsDBA=="})"),
            Events{"messages: `messages` is not honoured: the model cannot read "
                   "messages[1].content[0], a file of type application/zip, and gets a note in its "
                   "place."});
  EXPECT_EQ(check_content("user", R"({"type": "file", "media_type": "image/png", "data": "AA=="},
                                     {"type": "file", "media_type": "x/y", "data": "aGk="},
                                     {"type": "file", "media_type": "x/y", "data": ""})"),
            Events());
  const std::string call =
      R"({"type": "tool-call", "id": "w", "name": "web_search", "provider_executed": true)";
  EXPECT_EQ(check_content("assistant", call + "}"),
            Events{"messages: `messages` is not honoured: messages[1].content[0] is a call that "
                   "was run elsewhere, and is left out."});
  EXPECT_EQ(check_content("assistant", call + R"(, "metadata": {"google": {"toolCall": {}}}})"),
            Events());
}

TEST(ChatCheck, NameMembersThatTheModelDoesNotHonour) {
  expect_unhonoured("gemini-3.8-flash", "temperature", R"("temperature": 1)",
                    "the model ignores it");
  expect_unhonoured("gemini-2.5-flash", "presence_penalty", R"("presence_penalty": 1)",
                    "the model does not accept it");
  expect_unhonoured("gemini-3.8-flash", "reasoning", R"("reasoning": {"effort": "none"})",
                    "the model uses low instead");
  expect_unhonoured("gemini-3.8-flash", "reasoning", R"("reasoning": {"budget_tokens": 5000})",
                    "the model uses medium instead");
  expect_unhonoured("gemini-3.8-flash", "max_output_tokens", R"("max_output_tokens": 100000)",
                    "the model responds with at most 65536 tokens");
  expect_unhonoured("gemini-3.8-flash", "stop", R"("stop": ["1", "2", "3", "4", "5", "6"])",
                    "Gemini accepts 5 texts, and uses the first ones");
  expect_unhonoured("gemini-3.8-flash", "modalities", R"("modalities": ["text", "image"])",
                    "the model responds with text");
  expect_unhonoured("gemini-3.8-flash", "logprobs", R"("logprobs": true)",
                    "it is unknown to this provider");
  expect_unhonoured("gemini-3.8-flash", "options", R"("options": {"google": {"labels": {}}})",
                    "`google.labels` is unknown or of wrong type");
}

TEST(ChatCheck, NameWishesAboutToolsThatGeminiDoesNotHonour) {
  expect_unhonoured("gemma-3-27b-it", "tools", kTools, "the model calls no tools");
  expect_unhonoured("gemini-3.8-flash", "parallel_tool_calls",
                    R"("parallel_tool_calls": false, )" + kTools,
                    "Gemini may call several tools at once");
  EXPECT_EQ(check(R"("parallel_tool_calls": false)"), Events());
  expect_unhonoured("gemini-3.8-flash", "tool_choice", R"("tool_choice": {"mode": "required"})",
                    "there is no tool to call");
  expect_unhonoured("gemini-3.8-flash", "tool_choice",
                    R"("tool_choice": {"mode": "auto", "names": ["open", "close"]}, )" + kTools,
                    "there is no tool `close`");
  expect_unhonoured("gemini-3.8-flash", "provider_tools",
                    R"("provider_tools": [{"name": "web_search"}])",
                    "Gemini has no tool `web_search`");
  const std::string search = R"("provider_tools": [{"name": "google_search"}])";
  expect_unhonoured("gemini-2.5-flash", "provider_tools", search + ", " + kTools,
                    "the model does not combine `google_search` with functions");
  expect_unhonoured("gemma-4-31b-it", "provider_tools", search,
                    "the model does not have `google_search`");
  EXPECT_EQ(check("gemma-4-31b-it", search + R"(, "tool_choice": {"mode": "none"})"), Events());
  EXPECT_EQ(check("gemini-3.8-flash", kTools, {ToolForm::bare, ToolForm::left_out}),
            Events{"tools: `tools` is not honoured: 1 of them are left out: Gemini rejects them, "
                   "or they are more than 512."});
}

TEST(ChatCheck, NameResponseFormatsThatTheModelIsNotHeldTo) {
  const std::string json = R"("response_format": {"type": "json"})";
  expect_unhonoured("gemini-2.5-flash", "response_format", json + ", " + kTools,
                    "the prompt demands JSON, but the model is not held to it");
  expect_unhonoured("gemini-3.8-flash", "response_format",
                    R"("response_format": {"type": "grammar"})", "the only known type is `json`");
}

}  // namespace
}  // namespace gatehouse::plugins::gemini
