#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse reload`: reloads the running gateway of this configuration through its admin address,
/// and prints the problems. Returns 0 if it uses the new configuration.
int reload(const std::string& config_file);

}  // namespace gatehouse::core
