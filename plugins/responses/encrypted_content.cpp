#include "encrypted_content.h"

#include <utility>

#include "gatehouse/toolkit/base64url.hpp"

namespace gatehouse::plugins::responses {
namespace {

// OpenAI's own is base64, which has no dot.
constexpr View kOurs = "gatehouse.";

}  // namespace

std::string encrypted_content_of(View text, Json metadata) {
  const Document content;
  content.root().edit("text").set(text);
  content.root().edit("metadata").set(metadata);
  return std::string(kOurs).append(to_base64url(content.root().dump()));
}

std::optional<Document> reasoning_of(View encrypted_content) {
  if (encrypted_content.substr(0, kOurs.size()) != kOurs) return std::nullopt;
  const auto text = from_base64url(encrypted_content.substr(kOurs.size()));
  auto content = Document::parse(text.value_or(std::string()));
  if (!content || !content->root()["text"].is_string() || !content->root()["metadata"].is_object())
    return std::nullopt;
  return std::move(*content);
}

}  // namespace gatehouse::plugins::responses
