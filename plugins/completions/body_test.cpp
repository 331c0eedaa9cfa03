#include "body.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace {

using namespace gatehouse;
using gatehouse::plugins::completions::check_body;
using gatehouse::testing::Harness;
using gatehouse::testing::parse;

/// What is wrong with a body; empty: nothing.
std::string wrong(const std::string& body) {
  const Harness binds_json;
  const Document document = parse(body);
  return std::string(check_body(document.root()).failure().message());
}

/// A body that is correct, with these members besides.
std::string with(const std::string& members) {
  return R"({"model": "m", "messages": [{"role": "user", "content": "x"}], )" + members + "}";
}
std::string with_messages(const std::string& messages) {
  return R"({"model": "m", "messages": [)" + messages + "]}";
}

constexpr auto kTool = R"("tools": [{"type": "function", "function": {"name": "a"}}])";

TEST(Body, NeedsAModelAndMessages) {
  EXPECT_EQ(wrong("[]"), "the body must be a JSON object");
  EXPECT_EQ(wrong(R"({"messages": []})"), "model is required");
  EXPECT_EQ(wrong(R"({"model": ""})"), "model must be the name of a model");
  EXPECT_EQ(wrong(R"({"model": "m"})"), "messages is required");
  EXPECT_EQ(wrong(R"({"model": "m", "messages": []})"), "messages must not be empty");
  EXPECT_EQ(wrong(R"({"model": "m", "messages": "x"})"), "messages must be an array");
}

TEST(Body, MayHaveUnknownMembersAndNulls) {
  EXPECT_EQ(wrong(with(R"("user": 7, "store": [], "metadata": "x", "logit_bias": true)")), "");
  EXPECT_EQ(wrong(with(R"("temperature": null, "stop": null, "tools": null, "n": null,
                          "tool_choice": null, "stream": null, "response_format": null)")),
            "");
}

TEST(Body, NamesWhatChangesTheResponseAndCannotBeHonoured) {
  EXPECT_EQ(wrong(with(R"("n": 2)")), "n must be 1");
  EXPECT_EQ(wrong(with(R"("n": 1, "logprobs": false, "modalities": ["text"])")), "");
  EXPECT_EQ(wrong(with(R"("logprobs": true)")), "logprobs are not supported");
  EXPECT_EQ(wrong(with(R"("top_logprobs": 3)")), "top_logprobs is not supported");
  EXPECT_EQ(wrong(with(R"("modalities": ["text", "audio"])")), R"(modalities must be ["text"])");
  EXPECT_EQ(wrong(with(R"("functions": [])")), "functions is not supported: use tools");
}

TEST(Body, HasSettingsInTheirRanges) {
  EXPECT_EQ(wrong(with(R"("temperature": 0, "top_p": 1, "presence_penalty": -2, "seed": -5)")), "");
  EXPECT_EQ(wrong(with(R"("temperature": 2.1)")), "temperature must be a number from 0 to 2");
  EXPECT_EQ(wrong(with(R"("temperature": "1")")), "temperature must be a number from 0 to 2");
  EXPECT_EQ(wrong(with(R"("seed": 1.5)")), "seed must be an integer");
  EXPECT_EQ(wrong(with(R"("max_tokens": 0)")),
            "max_tokens must be an integer from 1 to 2147483647");
  EXPECT_EQ(wrong(with(R"("stop": ["a", "b", "c", "d", "e"])")),
            "stop must be a string or up to 4 strings");
  EXPECT_EQ(wrong(with(R"("stop": ["a", 1])")), "stop[1] must be a string");
  EXPECT_EQ(wrong(with(R"("stream": 1)")), "stream must be true or false");
  EXPECT_EQ(wrong(with(R"("reasoning_effort": "huge")")),
            "reasoning_effort must be one of none, minimal, low, medium, high, xhigh, max");
}

TEST(Body, HasAResponseFormatWithItsSchema) {
  EXPECT_EQ(wrong(with(R"("response_format": {"type": "text"})")), "");
  EXPECT_EQ(wrong(with(R"("response_format": {"type": "json_schema"})")),
            "response_format.json_schema.schema must be an object");
  EXPECT_EQ(wrong(with(R"("response_format": {"type": "xml"})")),
            "response_format.type must be one of text, json_object, json_schema");
}

TEST(Body, HasMessagesWithContentOfTheirRole) {
  const auto wrong_message = [](const std::string& message) {
    return wrong(with_messages(message));
  };
  EXPECT_EQ(wrong_message("7"), "messages[0] must be an object");
  EXPECT_EQ(wrong_message(R"({"role": "function", "content": "x"})"),
            "messages[0].role must be one of system, developer, user, assistant, tool");
  EXPECT_EQ(wrong_message(R"({"role": "user"})"),
            "messages[0].content must be a string or an array of parts");
  EXPECT_EQ(wrong_message(R"({"role": "system", "content": [{"type": "image_url"}]})"),
            "messages[0].content[0] must be a text part");
  EXPECT_EQ(wrong_message(R"({"role": "user", "content": [{"type": "hologram"}]})"),
            "messages[0].content[0].type must be one of text, image_url, input_audio, file");
  EXPECT_EQ(wrong_message(R"({"role": "assistant", "content": null})"), "");
  EXPECT_EQ(wrong_message(R"({"role": "assistant", "content": [
              {"type": "refusal", "refusal": "No."}, {"type": "text", "text": ""}]})"),
            "");
}

TEST(Body, HasFilesAsDataOrByHttps) {
  const auto wrong_image = [](const std::string& url) {
    return wrong(with_messages(R"({"role": "user", "content": [{"type": "image_url",
                                  "image_url": {"url": ")" +
                               url + "\"}}]}"));
  };
  const std::string place = "messages[0].content[0].image_url.url ";
  EXPECT_EQ(wrong_image("https://a/b.png"), "");
  EXPECT_EQ(wrong_image("data:image/png;base64,aGk="), "");
  EXPECT_EQ(wrong_image("http://10.0.0.1/a.png"), place + "must be a data URL or an https URL");
  EXPECT_EQ(wrong_image("data:image/png;base64,"), place + "must hold data after a comma");
  EXPECT_EQ(wrong_image("data:image/png;base64,%%"),
            place + "must hold valid base64 after the comma");
  const auto wrong_part = [](const std::string& part) {
    return wrong(with_messages(R"({"role": "user", "content": [)" + part + "]}"));
  };
  EXPECT_EQ(wrong_part(R"({"type": "file", "file": {"file_id": "f"}})"),
            "messages[0].content[0].file.file_data is required: files cannot be uploaded to this "
            "gateway");
  EXPECT_EQ(wrong_part(R"({"type": "input_audio", "input_audio": {"data": "aGk=",
                           "format": "wav/../x"}})"),
            "messages[0].content[0].input_audio.format must name a format, such as wav");
}

TEST(Body, PairsCallsWithResults) {
  const std::string call = R"({"role": "assistant", "tool_calls": [
      {"id": "1", "type": "function", "function": {"name": "a", "arguments": "{}"}},
      {"id": "2", "function": {"name": "a", "arguments": ""}}]})";
  const auto result = [](const std::string& id) {
    return R"(, {"role": "tool", "tool_call_id": ")" + id + R"(", "content": "x"})";
  };
  EXPECT_EQ(wrong(with_messages(call + result("2") + result("1"))), "");
  EXPECT_EQ(wrong(with_messages(call + result("1"))),
            "messages: each of the last tool_calls needs a message with role tool");
  EXPECT_EQ(wrong(with_messages(call + result("1") + R"(, {"role": "user", "content": "y"})")),
            "messages[2]: each of the tool_calls before it needs a message with role tool");
  EXPECT_EQ(wrong(with_messages(call + result("1") + result("1"))),
            "messages[2].tool_call_id answers no call of the assistant message before");
}

TEST(Body, HasCallsWithArgumentsThatAreAnObject) {
  const auto wrong_call = [](const std::string& call) {
    return wrong(with_messages(R"({"role": "assistant", "tool_calls": [)" + call + "]}"));
  };
  const std::string place = "messages[0].tool_calls[0]";
  EXPECT_EQ(wrong_call(R"({"id": "1", "function": {"name": "a", "arguments": "[1]"}})"),
            place + ".function.arguments must be the JSON text of an object");
  EXPECT_EQ(wrong_call(R"({"id": "1", "type": "custom"})"), place + ".type must be function");
  EXPECT_EQ(wrong_call(R"({"function": {"name": "a"}})"), place + ".id must be a string");
  EXPECT_EQ(wrong_call(R"({"id": "1"})"), place + ".function.name is required");
}

TEST(Body, HasToolsWithNamesOfTheirOwn) {
  EXPECT_EQ(wrong(with(kTool)), "");
  EXPECT_EQ(wrong(with(R"("tools": [{"type": "web_search"}])")), "tools[0].type must be function");
  EXPECT_EQ(wrong(with(R"("tools": [{"type": "function", "function": {"name": "a b"}}])")),
            "tools[0].function.name must be 1 to 64 letters, digits, _ or -");
  EXPECT_EQ(wrong(with(R"("tools": [{"type": "function", "function": {"name": "a"}},
                                    {"type": "function", "function": {"name": "a"}}])")),
            "tools[1].function.name must not be that of a tool before it");
  EXPECT_EQ(wrong(with(R"("tools": [{"type": "function", "function": {"name": "a",
                                    "parameters": []}}])")),
            "tools[0].function.parameters must be an object");
}

TEST(Body, ChoosesAmongItsTools) {
  const auto wrong_choice = [](const std::string& choice) {
    return wrong(with(std::string(kTool) + R"(, "tool_choice": )" + choice));
  };
  const std::string rule = "tool_choice must be none, auto, required, or name one of tools";
  EXPECT_EQ(wrong_choice("\"required\""), "");
  EXPECT_EQ(wrong_choice(R"({"type": "function", "function": {"name": "a"}})"), "");
  EXPECT_EQ(wrong_choice(R"({"type": "function", "function": {"name": "b"}})"), rule);
  EXPECT_EQ(wrong_choice("\"always\""), rule);
  EXPECT_EQ(wrong_choice(R"({"type": "allowed_tools", "allowed_tools": {"mode": "auto",
                             "tools": [{"type": "function", "function": {"name": "a"}}]}})"),
            "");
  EXPECT_EQ(wrong_choice(R"({"type": "allowed_tools", "allowed_tools": {"mode": "auto",
                             "tools": [{"type": "function", "function": {"name": "b"}}]}})"),
            "tool_choice.allowed_tools.tools[0] must name one of tools");
  EXPECT_EQ(wrong(with(R"("tool_choice": "required")")),
            "tool_choice must be none or auto: the request has no tools");
  EXPECT_EQ(wrong(with(R"("tool_choice": "auto")")), "");
}

}  // namespace
