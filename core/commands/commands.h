#pragma once

#include <string>

namespace gatehouse::core {

// The commands that do not serve. Each prints to standard output, problems to standard error, and
// returns the exit status.

/// Tells everything that is wrong with a configuration; as_json: to standard output, as an object
/// with `ok`, `pipeline` if it is, `problems` and `warnings`. The exit status is that of the
/// problems alone.
int check(const std::string& config_file, bool as_json);
int list_plugins(const std::string& directory);
/// A file, or the name of a plugin of the installation.
int inspect_plugin(const std::string& file_or_name);
/// Connects the MCP servers of a configuration and shows what they offer and what is wrong with
/// them.
int list_mcp_servers(const std::string& config_file);
/// A fresh install token and the line for the configuration that lets it in. `name` may be empty.
int new_token(const std::string& name);

}  // namespace gatehouse::core
