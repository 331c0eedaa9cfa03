#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::chat {

/// What clients may choose from.
struct Choices {
  std::vector<std::string> models;   ///< "*": any.
  std::vector<std::string> options;  ///< Names of Option.
};

/// 400 that names the first wrong member of a chat request, e.g. "messages[3].parts[0].text must be
/// a string", and repeats nothing of the body. write_document() reads an accepted body without
/// further checks.
Status check_body(Json body, const Choices& choices);

}  // namespace gatehouse::plugins::chat
