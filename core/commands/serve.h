#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse serve`: reads the configuration, builds the pipeline, serves until a signal says to
/// end, and drains. The exit status.
int serve(const std::string& config_file);

}  // namespace gatehouse::core
