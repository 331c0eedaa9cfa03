#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// A CallToolResult with at most about `max_bytes` of what `result` holds, and a note for the model on what is missing.
Document cut_result(Json result, std::size_t max_bytes);

}  // namespace gatehouse
