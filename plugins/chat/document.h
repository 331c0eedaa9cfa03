#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::chat {

/// What the model is asked with unless a plugin further up, the client, or a plugin further down
/// says otherwise.
struct Defaults {
  std::string model;
  std::string system_prompt;  ///< Empty: none.
  std::optional<double> temperature;
  std::optional<std::int64_t> max_output_tokens;
  bool reasoning;  ///< Thoughts are wanted.
};

/// Writes the chat document (sdk/README.md) for a body that check_body() has let pass: 400 when
/// that leaves nothing a model could answer. What `chat` says already stays, and its
/// `allowed_tools` decide what of the tools is written. Texts are shared with the body, which is of
/// the same exchange; only the files of data URLs are copied.
Status write_document(Json body, const Defaults& defaults, MutableJson chat);

}  // namespace gatehouse::plugins::chat
