#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// A CallToolResult with at most about `max_bytes` of what `result` holds, and a note for the model
/// on what is missing.
Document cut_result(Json result, std::size_t max_bytes);

/// Writes what the model reads of a CallToolResult into a tool-result of the chat document:
/// everything once, texts as texts and pictures, sound and PDF as files.
void write_result(MutableJson tool_result, Json result);

/// Does the same with the results that a client sends back with the history, as it got them.
void rewrite_results(MutableJson messages);

}  // namespace gatehouse::plugins::mcp
