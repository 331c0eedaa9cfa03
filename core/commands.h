#pragma once

#include <string>

namespace gatehouse::core {

// The commands that do not serve. Each prints to standard output, problems to standard error, and returns the
// exit status.

int check(const std::string& config_file);
int list_plugins(const std::string& directory);
int inspect_plugin(const std::string& file);
/// Connects the MCP servers of a configuration and shows what they offer and what is wrong with them.
int list_mcp_servers(const std::string& config_file);
/// A fresh install token and the line for the configuration that lets it in. `name` may be empty.
int new_token(const std::string& name);

}  // namespace gatehouse::core
