#pragma once

#include <string>

namespace gatehouse::core {

int list_plugins(const std::string& directory);
/// A file, or the name of a plugin of the installation.
int inspect_plugin(const std::string& file_or_name);

}  // namespace gatehouse::core
