/// Messages and parts of the chat document, for ingress plugins to write.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "gatehouse/document.hpp"
#include "gatehouse/toolkit/data_url.hpp"

namespace gatehouse {
inline namespace v1 {

inline MutableJson add_part(MutableJson parts, View type) {
  MutableJson part = parts.push();
  part.edit("type").set(type);
  return part;
}

inline MutableJson add_text(MutableJson parts, View text) {
  MutableJson part = add_part(parts, "text");
  part.edit("text").set(text);
  return part;
}

/// A message of the chat document that is created with its first part: models reject messages
/// without any.
class ChatMessage {
 public:
  /// `messages`: of the chat document. `role` is a literal.
  ChatMessage(MutableJson messages, View role) : messages_(messages), role_(role) {}

  MutableJson add(View type) {
    if (!content_) {
      MutableJson message = messages_.push();
      message.edit("role").set(role_);
      content_ = message.edit("content");
    }
    return add_part(content_, type);
  }
  void add_text(View text) { add("text").edit("text").set(text); }

 private:
  MutableJson messages_;
  View role_;
  MutableJson content_;
};

/// The media type of a file that an https URL names, by the extension of its path; else
/// `otherwise`.
inline View media_type_of(View url, View otherwise) {
  static constexpr std::pair<View, View> kTypes[] = {
      {"png", "image/png"},     {"jpg", "image/jpeg"},      {"jpeg", "image/jpeg"},
      {"gif", "image/gif"},     {"webp", "image/webp"},     {"heic", "image/heic"},
      {"svg", "image/svg+xml"}, {"pdf", "application/pdf"}, {"txt", "text/plain"},
      {"mp3", "audio/mpeg"},    {"wav", "audio/wav"},       {"mp4", "video/mp4"},
      {"webm", "video/webm"}};
  const View path = url.substr(0, url.find_first_of("?#"));
  const View file = path.substr(path.find_last_of('/') + 1);
  const std::size_t dot = file.find_last_of('.');
  const std::string extension = dot == View::npos ? std::string() : lower(file.substr(dot + 1));
  const auto* const type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                        [&](const auto& t) { return t.first == extension; });
  return type == std::end(kTypes) ? otherwise : type->second;
}

/// Writes the `data` or `url` and the `media_type` of a file part. `content`: a string with a data
/// URL, another URL, or bare base64. `media_type`: as the client has named it; the type in a data
/// URL takes precedence.
inline void write_file(Json content, View media_type, MutableJson file) {
  if (const auto data = parse_data_url(content.str())) {
    if (!data->media_type.empty()) media_type = data->media_type;
    if (data->is_base64) {
      file.edit("data").set(data->data);
    } else {
      file.edit("data").set(View(base64_of(data->data)));
    }
  } else {
    file.edit(content.str().find(':') == View::npos ? "data" : "url").set(content);
  }
  // What clients make of an image whose kind they do not know; AI SDK 7 calls such a one just
  // "image".
  file.edit("media_type")
      .set(media_type == "image/*" || media_type == "image" ? "image/jpeg" : media_type);
}

}  // namespace v1
}  // namespace gatehouse
