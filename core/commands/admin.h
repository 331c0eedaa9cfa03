#pragma once

#include <string>

namespace gatehouse::core {

/// Connects the MCP servers of a configuration and shows what they offer and what is wrong with
/// them.
int list_mcp_servers(const std::string& config_file);

}  // namespace gatehouse::core
