#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// Parses a message of an MCP server more leniently than the host does. Of several members of one
/// name the last counts, as in JavaScript. A tool in a list whose definition is not valid JSON is
/// replaced by {"name": …, "unreadable": true}, so that the others can be used.
Result<Document> parse_message(View text);

}  // namespace gatehouse::plugins::mcp
