#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse plugin list`: the plugins of a folder; empty: of the installation.
int list_plugins(const std::string& directory);
/// `gatehouse plugin inspect`: what a plugin is, its settings, and what it does when it is created
/// with the defaults of its schema, in a child process. A file, or the name of an installed plugin.
/// as_json: on standard output, as an object.
int inspect_plugin(const std::string& file_or_name, bool as_json);

}  // namespace gatehouse::core
