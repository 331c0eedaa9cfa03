#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// The JSON text that RFC 8785 gives a value. It survives a browser: JSON.parse and JSON.stringify
/// change the spelling of numbers, the order of members and the escapes, and none of that changes
/// this text.
std::string canonical_json(Json value);

}  // namespace gatehouse::plugins::mcp
