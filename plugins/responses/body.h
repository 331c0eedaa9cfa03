#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::responses {

/// 400 that names the first member of a request which is not supported, or else the first wrong
/// one, such as "input[2].content[0].text must be a string". It repeats nothing of the body.
/// write_document() reads an accepted body without further checks, except for what only the whole
/// conversation shows.
Status check_body(Json body);

/// The type of an input item; two types of items may leave out `type`.
View type_of_item(Json item);

}  // namespace gatehouse::plugins::responses
