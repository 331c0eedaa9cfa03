#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// The part of `root` that a reference such as "#/$defs/a~1b%20c" names (RFC 6901 6); empty for one
/// to elsewhere or to nothing. `left`: how many members may still be looked at; a few hundred bytes
/// of definitions can refer to each other without end.
Json referenced(Json root, View reference, std::size_t& left);

}  // namespace gatehouse::plugins::gemini
