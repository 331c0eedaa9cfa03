#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// Parses what a tool server writes, which the host refuses more often than other clients do. Of
/// members of one name the last counts, as in JavaScript. A tool of a list that is no JSON costs no
/// other: {"name": …, "unreadable": true} takes its place.
Result<Document> parse_message(View text);

}  // namespace gatehouse::plugins::mcp
