#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse status`: prints what the admin address of the running gateway reports, as a table or,
/// as_json, as it is. Returns 0 if it could be read.
int status(const std::string& config_file, bool as_json);

}  // namespace gatehouse::core
