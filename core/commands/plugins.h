#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse plugins list`: the plugins of a folder; empty: of the installation.
int list_plugins(const std::string& directory);
/// `gatehouse plugins inspect`: a plugin's metadata and settings, and whether it loads here. A
/// file, or the name of an installed plugin.
int inspect_plugin(const std::string& file_or_name);

}  // namespace gatehouse::core
