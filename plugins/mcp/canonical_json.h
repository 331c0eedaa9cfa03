#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// The canonical JSON text of a value (RFC 8785). It is the same after a browser has parsed and
/// serialized the value, which changes the spelling of numbers, the order of members and escapes.
std::string canonical_json(Json value);

}  // namespace gatehouse::plugins::mcp
