#pragma once

#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::responses {

/// The `encrypted_content` of a reasoning item: text and metadata of a reasoning part of the chat
/// document, opaque to clients. With the text, since clients may shorten summaries, and the model's
/// signature is worth nothing without it.
std::string encrypted_content_of(View text, Json metadata);

/// {"text", "metadata"} from what a client returns. Nothing: it is not of this gateway.
std::optional<Document> reasoning_of(View encrypted_content);

}  // namespace gatehouse::plugins::responses
