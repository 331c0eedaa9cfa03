#include "request.h"

#include "json_text.h"
#include "tool_schema.h"

namespace gatehouse {
namespace {

/// Images make up nearly all of a large body: with them counted, it grows without being copied.
std::size_t size_hint(Json messages) {
  std::size_t bytes = 1024;
  for (const Json message : messages) {
    for (const Json part : message["content"]) bytes += part["data"].str().size() + part["text"].str().size() + 128;
  }
  return bytes;
}

void string(std::string& out, View name, View value) {
  key(out, name);
  quote(out, value);
}

void json(std::string& out, View name, Json value) {
  key(out, name);
  value ? value.dump(out) : void(out.append("null"));
}

void append_settings(std::string& out, Json chat) {
  key(out, "generationConfig");
  out.push_back('{');
  if (const Json limit = chat["max_output_tokens"]) json(out, "maxOutputTokens", limit);
  if (const Json temperature = chat["temperature"]) json(out, "temperature", temperature);
  out.push_back('}');
}

/// The gateway's own prompt, then one entry for each system message.
void append_system(std::string& out, Json chat) {
  const std::size_t start = out.size();
  key(out, "systemInstruction");
  out.append("{\"parts\":[");
  const std::size_t first = out.size();
  const auto append_entry = [&](const std::string& text) {
    if (text.empty()) return;
    comma(out);
    out.push_back('{');
    string(out, "text", text);
    out.push_back('}');
  };

  std::string prompt;
  for (const Json text : chat["system"]) prompt.append(text.str());
  append_entry(prompt);
  for (const Json message : chat["messages"]) {
    if (message["role"].str() != "system") continue;
    std::string text;
    for (const Json part : message["content"]) text.append(part["text"].str());
    append_entry(text);
  }

  if (out.size() == first) return out.resize(start);
  out.append("]}");
}

void append_file(std::string& out, Json part) {
  const Json data = part["data"];
  key(out, data ? "inlineData" : "fileData");
  out.push_back('{');
  const View media_type = part["media_type"].str();
  string(out, "mimeType", media_type == "image/*" ? "image/jpeg" : media_type);  // Gemini takes no wildcard
  string(out, data ? "data" : "fileUri", data ? data.str() : part["url"].str());
  out.push_back('}');
}

void append_tool_result(std::string& out, Json part) {
  const View name = part["name"].str();
  key(out, "functionResponse");
  out.push_back('{');
  string(out, "id", part["id"].str());
  string(out, "name", name);
  key(out, "response");
  out.push_back('{');
  string(out, "name", name);
  json(out, "content", part["output"]);
  out.append("}}");
}

/// Gemini refuses parts without content, so they are left out, as are those of types we do not know.
void append_part(std::string& out, Json part) {
  const View type = part["type"].str();
  const View text = part["text"].str();
  const std::size_t start = out.size();
  comma(out);
  out.push_back('{');
  if ((type == "text" || type == "reasoning") && !text.empty()) {
    string(out, "text", text);
    if (type == "reasoning") out.append(",\"thought\":true");
  } else if (type == "file" && !(part["data"].str().empty() && part["url"].str().empty())) {
    append_file(out, part);
  } else if (type == "tool-call") {
    key(out, "functionCall");
    out.push_back('{');
    string(out, "id", part["id"].str());
    string(out, "name", part["name"].str());
    json(out, "args", part["input"]);
    out.push_back('}');
  } else if (type == "tool-result") {
    append_tool_result(out, part);
  } else {
    return out.resize(start);
  }
  if (const View signature = part["metadata"]["google"]["thoughtSignature"].str(); !signature.empty()) {
    string(out, "thoughtSignature", signature);
  }
  out.push_back('}');
}

void append_contents(std::string& out, Json messages) {
  key(out, "contents");
  out.push_back('[');
  for (const Json message : messages) {
    const View role = message["role"].str();
    if (role == "system") continue;
    const std::size_t start = out.size();
    comma(out);
    out.append(role == "assistant" ? "{\"role\":\"model\",\"parts\":[" : "{\"role\":\"user\",\"parts\":[");
    const std::size_t first = out.size();
    for (const Json part : message["content"]) append_part(out, part);
    out.size() == first ? out.resize(start) : void(out.append("]}"));
  }
  out.push_back(']');
}

void append_tools(std::string& out, Json tools) {
  if (tools.size() == 0) return;
  ToolSchemas schemas(out);
  key(out, "tools");
  out.append("[{\"functionDeclarations\":[");
  for (const Json tool : tools) {
    comma(out);
    out.push_back('{');
    string(out, "name", tool["name"].str());
    string(out, "description", tool["description"].str());
    schemas.append(tool["input_schema"]);
    out.push_back('}');
  }
  out.append("]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"AUTO\"}}");
}

}  // namespace

std::string request_body(Json chat, const RequestOptions&) {
  std::string out;
  out.reserve(size_hint(chat["messages"]));
  out.push_back('{');
  append_settings(out, chat);
  append_contents(out, chat["messages"]);
  append_system(out, chat);
  append_tools(out, chat["tools"]);
  out.push_back('}');
  return out;
}

}  // namespace gatehouse
