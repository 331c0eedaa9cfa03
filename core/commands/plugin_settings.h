#pragma once

#include <string>

namespace gatehouse::core {

/// The settings of one plugin in a file, YAML or JSON, as JSON text; no path: none. Throws
/// std::runtime_error with every problem of the file.
std::string read_settings(const std::string& path);

}  // namespace gatehouse::core
