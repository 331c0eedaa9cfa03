#include "request.h"

#include <set>

#include "gatehouse/toolkit/chat_parts.hpp"

namespace acme::openai {
namespace {

/// A member of the chat document, and that of this API with the same value.
constexpr std::pair<View, View> kSameValue[] = {{"model", "model"},
                                                {"temperature", "temperature"},
                                                {"top_p", "top_p"},
                                                {"seed", "seed"},
                                                {"stop", "stop"},
                                                {"presence_penalty", "presence_penalty"},
                                                {"frequency_penalty", "frequency_penalty"},
                                                {"parallel_tool_calls", "parallel_tool_calls"}};

std::string data_url(Json file) {
  return std::string("data:")
      .append(file["media_type"].str())
      .append(";base64,")
      .append(file["data"].str());
}

bool is_image(Json file) { return file["media_type"].str().substr(0, 6) == "image/"; }
bool is_pdf(Json file) { return file["media_type"].str() == "application/pdf" && file["data"]; }

void add_text(MutableJson content, Json text) {
  MutableJson to = content.push();
  to.edit("type").set("text");
  to.edit("text").set(text);
}

void add_file(MutableJson content, Json file) {
  MutableJson to = content.push();
  if (is_image(file)) {
    to.edit("type").set("image_url");
    const std::string url = file["url"] ? std::string(file["url"].str()) : data_url(file);
    to.edit("image_url").edit("url").set(View(url));
  } else {
    to.edit("type").set("file");
    to.edit("file").edit("filename").set(file["name"].str("document.pdf"));
    to.edit("file").edit("file_data").set(View(data_url(file)));
  }
}

void add_user(MutableJson messages, Json message) {
  MutableJson to = messages.push();
  to.edit("role").set(message["role"]);
  MutableJson content = to.edit("content");
  for (const Json part : message["content"]) {
    if (part["type"].str() == "text") add_text(content, part["text"]);
    if (part["type"].str() == "file") add_file(content, part);
  }
}

void add_call(MutableJson calls, Json part) {
  MutableJson call = calls.push();
  call.edit("id").set(part["id"]);
  call.edit("type").set("function");
  call.edit("function").edit("name").set(part["name"]);
  call.edit("function").edit("arguments").set(View(part["input"].dump()));
}

/// Without reasoning, which this API does not take back, and calls that have no result yet.
void add_assistant(MutableJson messages, Json message, const std::set<std::string>& done) {
  MutableJson to = messages.push();
  to.edit("role").set("assistant");
  std::string text;
  for (const Json part : message["content"]) {
    if (part["type"].str() == "text") text += part["text"].str();
    if (part["type"].str() == "tool-call" && done.count(std::string(part["id"].str())))
      add_call(to.edit("tool_calls"), part);
  }
  if (text.empty())
    to.edit("content").set_null();
  else
    to.edit("content").set(View(text));
}

/// A text as it is, any other JSON as its text.
std::string text_of(Json result) {
  if (result["output"].is_string()) return std::string(result["output"].str());
  if (result["output"]) return result["output"].dump();
  std::string text;
  for (const Json part : result["content"]) text += part["text"].str();
  return text;
}

void add_results(MutableJson messages, Json message) {
  for (const Json result : message["content"]) {
    MutableJson to = messages.push();
    to.edit("role").set("tool");
    to.edit("tool_call_id").set(result["id"]);
    const std::string prefix = result["error"].boolean() ? "Error: " : "";
    to.edit("content").set(View(prefix + text_of(result)));
  }
}

void add_messages(MutableJson messages, Json chat) {
  std::set<std::string> done;
  for (const Json message : chat["messages"]) {
    if (message["role"].str() != "tool") continue;
    for (const Json result : message["content"]) done.emplace(result["id"].str());
  }
  messages.set_array();
  for (const Json part : chat["system"]) {
    MutableJson to = messages.push();
    to.edit("role").set("system");
    to.edit("content").set(part["text"]);
  }
  for (const Json message : chat["messages"]) {
    const View role = message["role"].str();
    if (role == "assistant") {
      add_assistant(messages, message, done);
    } else if (role == "tool") {
      add_results(messages, message);
    } else {
      add_user(messages, message);
    }
  }
}

void add_tools(MutableJson body, Json chat) {
  for (const Json tool : chat["tools"]) {
    MutableJson to = body.edit("tools").push();
    to.edit("type").set("function");
    MutableJson function = to.edit("function");
    function.edit("name").set(tool["name"]);
    if (tool["description"]) function.edit("description").set(tool["description"]);
    if (tool["input_schema"]) function.edit("parameters").set(tool["input_schema"]);
  }
  const Json choice = chat["tool_choice"];
  if (choice["mode"]) body.edit("tool_choice").set(choice["mode"]);
  if (!choice["names"]) return;
  MutableJson only = body.edit("tool_choice");
  only.edit("type").set("function");
  only.edit("function").edit("name").set(choice["names"].at(0));
}

void add_format(MutableJson body, Json format) {
  if (!format) return;
  MutableJson to = body.edit("response_format");
  to.edit("type").set(format["schema"] ? "json_schema" : "json_object");
  if (!format["schema"]) return;
  to.edit("json_schema").edit("name").set(format["name"].str("response"));
  to.edit("json_schema").edit("schema").set(format["schema"]);
}

/// Rule 1 of the chat document: what cannot be sent fails with its place.
Status check_part(Json part, const PartPlace& place) {
  const View type = part["type"].str();
  if (type == "file" && (place.inner || !(is_image(part) || is_pdf(part))))
    return unsupported(place.text(), "the API does not read this file here");
  if (part["provider_executed"].boolean())
    return unsupported(place.text(), "another provider has run this tool");
  return {};
}

}  // namespace

Unhonoured unhonoured_in(Json chat) {
  Unhonoured unhonoured(chat, {"temperature", "top_p", "seed", "stop", "presence_penalty",
                               "frequency_penalty", "parallel_tool_calls", "max_output_tokens",
                               "reasoning", "tool_choice", "response_format"});
  if (chat["reasoning"]["budget_tokens"])
    unhonoured.add("reasoning", "the API has levels of effort, no budget");
  if (chat["tool_choice"]["names"].size() > 1)
    unhonoured.add("tool_choice", "the first of its names is used alone");
  return unhonoured;
}

Result<std::string> request_body(Json chat, View limit_name) {
  if (Status s = for_each_part(chat, check_part); !s) return s;
  Document document;
  MutableJson body = document.root();
  body.edit("stream").set(true);
  body.edit("stream_options").edit("include_usage").set(true);
  for (const auto& [name, ours] : kSameValue) {
    if (chat[name]) body.edit(ours).set(chat[name]);
  }
  if (chat["max_output_tokens"]) body.edit(limit_name).set(chat["max_output_tokens"]);
  if (const Json effort = chat["reasoning"]["effort"]) body.edit("reasoning_effort").set(effort);
  add_messages(body.edit("messages"), chat);
  add_tools(body, chat);
  add_format(body, chat["response_format"]);
  for (const auto [name, value] : chat["options"]["openai"].members()) body.edit(name).set(value);
  return body.dump();
}

}  // namespace acme::openai
