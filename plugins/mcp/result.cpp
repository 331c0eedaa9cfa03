/// A CallToolResult (MCP, tools/call) has a list `content` of text, image, audio, resource and
/// resource_link items, and may have `structuredContent`, which repeats the texts for programs.
#include "result.h"

#include <algorithm>
#include <optional>

#include "gatehouse/toolkit/data_url.hpp"

namespace gatehouse::plugins::mcp {
namespace {

void add_text(MutableJson content, View text) {
  MutableJson item = content.push();
  item.edit("type").set("text");
  item.edit("text").set(text);
}

/// An item with bytes: an image, audio, or a resource other than text.
struct Bytes {
  View media_type, base64;
};

Bytes bytes_of(Json item) {
  const Json resource = item["resource"];
  return resource ? Bytes{resource["mimeType"].str(), resource["blob"].str()}
                  : Bytes{item["mimeType"].str(), item["data"].str()};
}

/// Of a type that models accept. For another one, providers would reject this chat and, as it stays
/// in the history, every later message.
bool is_file(const Bytes& bytes) {
  const auto begins_with = [&](View prefix) {
    return bytes.media_type.substr(0, prefix.size()) == prefix;
  };
  const bool is_known = begins_with("image/") || begins_with("audio/") || begins_with("video/") ||
                        bytes.media_type == "application/pdf";
  const bool is_plain = std::all_of(bytes.media_type.begin(), bytes.media_type.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '+' ||
           c == '-';
  });
  return is_known && is_plain && looks_like_base64(bytes.base64);
}

/// In place of bytes that the model does not get.
std::string note_about(const Bytes& bytes) {
  const View type =
      bytes.media_type.empty() ? View("unknown type") : bytes.media_type.substr(0, 100);
  return "[" + std::to_string(bytes.base64.size() / 4 * 3) + " bytes of " + std::string(type) +
         " omitted.]";
}

bool has_text(Json result) {
  for (const Json item : result["content"]) {
    const View text = item["text"].str(item["resource"]["text"].str());
    if (text.find_first_not_of(" \t\r\n") != View::npos) return true;
  }
  return false;
}

void add_item(MutableJson content, Json item, bool takes_files) {
  const Json resource = item["resource"];
  if (item["text"].is_string()) return add_text(content, item["text"].str());
  if (resource["text"].is_string()) {
    return add_text(
        content, std::string(resource["uri"].str()).append(":\n").append(resource["text"].str()));
  }
  const Bytes bytes = bytes_of(item);
  // A link, or an item of a later revision.
  if (bytes.base64.empty()) return add_text(content, item.dump());
  if (!takes_files || !is_file(bytes)) return add_text(content, note_about(bytes));
  MutableJson file = content.push();
  file.edit("type").set("file");
  file.edit("media_type").set(bytes.media_type);
  file.edit("data").set(bytes.base64);
}

bool is_one_of(View text, std::initializer_list<View> known) {
  return std::find(known.begin(), known.end(), text) != known.end();
}

/// An object with any other member is a tool's own output.
bool is_call_result(Json output) {
  if (!output["content"].is_array()) return false;
  for (const auto [name, member] : output.members()) {
    if (!is_one_of(name, {"content", "structuredContent", "isError", "resultType", "_meta"}))
      return false;
  }
  for (const Json item : output["content"]) {
    if (!is_one_of(item["type"].str(), {"text", "image", "audio", "resource", "resource_link"}))
      return false;
  }
  return true;
}

}  // namespace

Document cut_result(Json result, std::size_t max_bytes) {
  Document cut;
  MutableJson content = cut.root().edit("content");
  content.set_array();
  std::size_t left = max_bytes;
  for (const Json item : result["content"]) {
    const std::size_t bytes = item.dump().size();
    if (bytes <= left) {
      content.push().set(item);
      left -= bytes;
    } else if (const View text = item["text"].str(); !text.empty()) {
      add_text(content, cut_utf8(text, left));
      left = 0;
    } else if (const Bytes large = bytes_of(item); !large.base64.empty()) {
      add_text(content, note_about(large));
    }
  }
  const Json structured = result["structuredContent"];
  if (structured && structured.dump().size() <= left)
    cut.root().edit("structuredContent").set(structured);
  if (result["isError"].boolean()) cut.root().edit("isError").set(true);
  add_text(content, "[The result was longer than " + std::to_string(max_bytes) +
                        " bytes; the rest was omitted. Request less at a time.]");
  return cut;
}

void write_result(MutableJson tool_result, Json result) {
  const bool failed = result["isError"].boolean();
  if (failed) tool_result.edit("error").set(true);
  MutableJson content = tool_result.edit("content");
  content.set_array();
  for (const Json item : result["content"]) add_item(content, item, !failed);
  const Json structured = result["structuredContent"];
  if (!structured) return;
  if (!has_text(result)) add_text(content, structured.dump());
  tool_result.edit("structured").set(structured);
}

void rewrite_results(MutableJson messages) {
  for (const Json message : messages) {
    if (message["role"].str() != "tool") continue;
    for (const Json part : message["content"]) {
      const Json output = part["output"];
      if (!is_call_result(output)) continue;
      // The iteration gives views; the document is this request's to edit.
      MutableJson tool_result(const_cast<gh_json*>(part.raw()));
      write_result(tool_result, output);
      tool_result.erase(output);
    }
  }
}

}  // namespace gatehouse::plugins::mcp
