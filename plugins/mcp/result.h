#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// A CallToolResult with at most about `max_bytes` of `result`, and a note for the model that the
/// rest is missing.
Document cut_result(Json result, std::size_t max_bytes);

/// Writes a CallToolResult into a tool-result of the chat document as the model reads it:
/// everything once, texts as text parts; images, audio, video and PDF as files.
void write_result(MutableJson tool_result, Json result);

/// Does the same with the CallToolResults that a client sends back with the history.
void rewrite_results(MutableJson messages);

}  // namespace gatehouse::plugins::mcp
