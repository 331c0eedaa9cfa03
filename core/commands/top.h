#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse top`: prints the status of the running gateway and, if a plugin lists them, its last
/// requests; `once`, or every two seconds until it is interrupted. Returns 0 if it could be read.
int top(const std::string& config_file, bool once);

}  // namespace gatehouse::core
