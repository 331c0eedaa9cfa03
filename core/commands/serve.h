#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse serve`: builds the pipeline of the configuration and serves until a signal ends it.
/// Returns the exit status.
int serve(const std::string& config_file);

}  // namespace gatehouse::core
