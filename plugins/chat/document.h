#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::chat {

/// What the chat document has unless the client says otherwise; plugins below may change it.
struct Defaults {
  std::string model;
  std::string system_prompt;  ///< Empty: none.
  std::optional<double> temperature;
  std::optional<std::int64_t> max_output_tokens;
  bool reasoning;  ///< The client shows the model's reasoning.
};

/// Writes the chat document (sdk/README.md) of a body that check_body() has accepted: 400 when that
/// leaves nothing that a model could respond to. Texts are shared with the body, which is of the
/// same exchange; only the files of percent-encoded data URLs are copied.
Status write_document(Json body, const Defaults& defaults, MutableJson chat);

}  // namespace gatehouse::plugins::chat
