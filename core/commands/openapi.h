#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse openapi`: prints the OpenAPI document of the routes that a configuration's plugins
/// claim. Returns 1 if the configuration has problems.
int print_openapi(const std::string& config_file);

}  // namespace gatehouse::core
