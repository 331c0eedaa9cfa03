#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::chat {

/// What a client may choose of how the model is asked, once the operator allows it by its name in
/// the chat document.
struct Option {
  View name;
  View body_name;  ///< In `modelOptions` of a request.
  bool (*fits)(Json);
  View must;  ///< What the value must be, for a client that sends another.
};

const std::vector<Option>& options();

/// What is wrong with the `modelOptions` of a request, to be put after that word; nothing of them
/// is repeated. `allowed` are names of options.
std::optional<std::string> check_options(Json given, const std::vector<std::string>& allowed);

/// Puts checked options into the chat document, where it does not say otherwise already.
void write_options(Json given, MutableJson chat);

}  // namespace gatehouse::plugins::chat
