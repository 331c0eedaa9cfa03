#pragma once

#include <string>

#include "core/config/config.h"

namespace gatehouse::core {

/// `gatehouse serve`: builds the pipeline of the configuration and serves until a signal ends it.
/// `omissions` hold for each reload as well. Returns the exit status.
int serve(const std::string& config_file, const Omissions& omissions);

}  // namespace gatehouse::core
