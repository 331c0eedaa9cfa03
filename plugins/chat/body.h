#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::chat {

/// What the operator lets clients choose from.
struct Choices {
  std::vector<std::string> models;
  std::vector<std::string> options;  ///< Names of Option.
};

/// 400 that names the first wrong member of a chat request, e.g. "messages[3].parts[0].text must be
/// a string". What it lets pass, write_document() can read without asking again. Nothing of the
/// body is repeated in the message.
Status check_body(Json body, const Choices& choices);

}  // namespace gatehouse::plugins::chat
