#include "body.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::responses {
namespace {

using testing::Harness;

/// Code and message of what is wrong with a body, or "" if nothing is.
std::string complaint(View body) {
  Harness h;
  const Status status = check_body(h.json(body));
  if (status) return "";
  EXPECT_EQ(status.failure().http_status(), 400);
  return std::string(status.failure().code()).append(": ").append(status.failure().message());
}

std::string with(View members) {
  return std::string(R"({"model": "m", "input": "Hi", )").append(members).append("}");
}
std::string with_item(View item) {
  return std::string(R"({"model": "m", "input": [)").append(item).append("]}");
}
std::string with_part(View part) {
  return with_item(std::string(R"({"role": "user", "content": [)").append(part).append("]}"));
}

TEST(ResponsesBody, NamesTheWrongMember) {
  const std::pair<std::string, const char*> cases[] = {
      {"[]", "The body must be a JSON object."},
      {"{}", "model must be the name of a model"},
      {R"({"model": 7, "input": "Hi"})", "model must be the name of a model"},
      {R"({"model": "m"})", "input must be a string or an array of items"},
      {R"({"model": "m", "input": 7})", "input must be a string or an array of items"},
      {with(R"("instructions": ["x"])"), "instructions must be a string"},
      {with(R"("store": "no")"), "store must be true or false"},
      {with(R"("temperature": 2.1)"), "temperature must be a number from 0 to 2"},
      {with(R"("top_p": "1")"), "top_p must be a number from 0 to 1"},
      {with(R"("max_output_tokens": 0)"),
       "max_output_tokens must be an integer from 1 to 10000000"},
      {with(R"("max_output_tokens": 1.5)"),
       "max_output_tokens must be an integer from 1 to 10000000"},
      {with(R"("tools": {})"), "tools must be an array"},
      {with(R"("tools": [{"type": "function", "name": "not a name"}])"),
       "tools[0].name must have 1 to 64 letters, digits, _ or -"},
      {with(R"("tools": [{"type": "function", "name": "a"}, {"type": "function", "name": "a"}])"),
       "tools[1].name must differ from the others"},
      {with(R"("tools": [{"type": "function", "name": "a", "parameters": "x"}])"),
       "tools[0].parameters must be an object"},
      {with(R"("text": {"format": {"type": "grammar"}})"),
       "text.format.type must be text, json_object or json_schema"},
      {with(R"("text": {"format": {"type": "json_schema"}})"),
       "text.format.schema must be an object"},
      {with(R"("reasoning": {"effort": "heroic"})"),
       "reasoning.effort must be none, minimal, low, medium, high, xhigh or max"},
      {with(R"("reasoning": {"summary": true})"),
       "reasoning.summary must be auto, concise or detailed"},
  };
  for (const auto& [body, message] : cases)
    EXPECT_EQ(complaint(body), std::string("invalid_request: ") + message) << body;
}

TEST(ResponsesBody, NamesTheWrongItemOrPart) {
  const std::pair<std::string, const char*> cases[] = {
      {with_item("7"), "input[0] must be an object"},
      {with_item(R"({"type": 7})"), "input[0].type must be a string"},
      {with_item(R"({"role": "tool", "content": ""})"),
       "input[0].role must be user, assistant, system or developer"},
      {with_item(R"({"role": "user", "content": 7})"),
       "input[0].content must be a string or an array of parts"},
      {with_item(R"({"role": "system", "content": [{"type": "input_image"}]})"),
       "input[0].content[0].type must be input_text, output_text or refusal"},
      {with_item(R"({"type": "function_call", "call_id": "c", "name": "n"})"),
       "input[0].arguments must be a string"},
      {with_item(R"({"type": "function_call_output", "output": ""})"),
       "input[0].call_id must be a string"},
      {with_item(R"({"type": "function_call_output", "call_id": "c"})"),
       "input[0].output must be a string or an array of parts"},
      {with_item(R"({"id": 7})"), "input[0].id must be a string"},
      {with_part("7"),
       "input[0].content[0].type must be input_text, input_image, input_file or input_audio"},
      {with_part(R"({"type": "input_text"})"), "input[0].content[0].text must be a string"},
      {with_part(R"({"type": "input_image", "image_url": "http://x.example/a.png"})"),
       "input[0].content[0].image_url must be a data URL or an https URL"},
      {with_part(R"({"type": "input_image", "image_url": "data:image/png;base64,"})"),
       "input[0].content[0].image_url must hold data after a comma"},
      {with_part(R"({"type": "input_file", "file_data": "JVBERg=="})"),
       "input[0].content[0].file_data must be a data URL, as in data:application/pdf;base64,..."},
      {with_part(R"({"type": "input_file"})"),
       "input[0].content[0].file_url must be a data URL or an https URL"},
      {with_part(R"({"type": "input_audio", "input_audio": {"format": "flac", "data": "AAAA"}})"),
       "input[0].content[0].input_audio.format must be wav or mp3"},
  };
  for (const auto& [body, message] : cases)
    EXPECT_EQ(complaint(body), std::string("invalid_request: ") + message) << body;
}

TEST(ResponsesBody, RejectsWhatItWouldHaveToIgnore) {
  const std::pair<std::string, const char*> cases[] = {
      {with(R"("previous_response_id": "resp_1")"), "previous_response_id is not supported"},
      {with(R"("conversation": {"id": "conv_1"})"), "conversation is not supported"},
      {with(R"("prompt": {"id": "p"})"), "prompt is not supported"},
      {with(R"("background": true)"), "background is not supported"},
      {with(R"("top_logprobs": 3)"), "top_logprobs is not supported"},
      {with(R"("include": ["message.output_text.logprobs"])"), "include is not supported with"},
      {with(R"("tools": [{"type": "web_search"}])"), "tools[0].type is not supported"},
      {with_item(R"({"type": "web_search_call"})"), "input[0].type is not supported"},
      {with_part(R"({"type": "input_image", "file_id": "file-1"})"),
       "input[0].content[0].file_id is not supported"},
      {with_item(R"({"type": "function_call_output", "output": [{"file_id": "file-1"}]})"),
       "input[0].output[0].file_id is not supported"},
  };
  for (const auto& [body, message] : cases)
    EXPECT_EQ(complaint(body).find(std::string("unsupported_parameter: ") + message), 0u) << body;
}

TEST(ResponsesBody, AcceptsDefaultsThatProgramsWriteOut) {
  EXPECT_EQ(complaint(with(R"("background": false, "top_logprobs": 0, "previous_response_id": null,
      "tools": null, "tool_choice": null, "text": null, "reasoning": null, "include": null,
      "temperature": null, "store": null, "truncation": "disabled", "user": "u")")),
            "");
}

TEST(ResponsesBody, RequiresAToolChoiceThatNamesTools) {
  const auto choice = [](View value) {
    return complaint(with(std::string(R"("tools": [{"type": "function", "name": "a"}],)")
                              .append(R"("tool_choice": )")
                              .append(value)));
  };
  for (const View value :
       {R"("auto")", R"("none")", R"("required")", R"({"type": "function", "name": "a"})",
        R"({"type": "allowed_tools", "mode": "auto", "tools": [{"name": "a"}]})"})
    EXPECT_EQ(choice(value), "") << value;
  for (const View value :
       {R"("sometimes")", R"(7)", R"({"type": "function", "name": "b"})", R"({"type": "mcp"})",
        R"({"type": "allowed_tools", "mode": "auto", "tools": []})",
        R"({"type": "allowed_tools", "tools": [{"name": "a"}]})"})
    EXPECT_NE(choice(value), "") << value;
  EXPECT_NE(complaint(with(R"("tool_choice": "required")")), "");
}

}  // namespace
}  // namespace gatehouse::plugins::responses
