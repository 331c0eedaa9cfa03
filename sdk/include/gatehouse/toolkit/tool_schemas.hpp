/// Tools as extensions announce them (`toolSchemas`): name, description, inputSchema, and in `mcp`
/// where each runs.
#pragma once

#include <unordered_map>

#include "gatehouse/document.hpp"

namespace gatehouse {
inline namespace v1 {

/// Offers them in the chat document, each with its name, description and inputSchema as the client
/// runs it. Of those that may run in the gateway only the name counts: the plugin that runs them
/// knows them better. A later announcement of a name replaces an earlier one.
inline void write_tools(Json announced, MutableJson chat) {
  std::unordered_map<View, const gh_json*> latest;
  for (const Json tool : announced) latest[tool["name"].str()] = tool.raw();
  chat.edit("tools").set_array();  // also when there are none: the client has said so
  for (const Json tool : announced) {
    if (latest[tool["name"].str()] != tool.raw()) continue;
    const View location = tool["mcp"]["executionLocation"].str();
    if (location == "backend" || location == "either")
      chat.edit("backend_tools").push().set(tool["name"]);
    if (location == "backend") continue;
    MutableJson offered = chat.edit("tools").push();
    offered.edit("name").set(tool["name"]);
    if (!tool["description"].is_null()) offered.edit("description").set(tool["description"]);
    if (!tool["inputSchema"].is_null()) offered.edit("input_schema").set(tool["inputSchema"]);
  }
}

}  // namespace v1
}  // namespace gatehouse
