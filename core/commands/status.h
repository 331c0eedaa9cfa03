#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gatehouse::core {

/// `gatehouse status`: prints what the admin address of the running gateway reports, as a table or,
/// as_json, as it is. Returns 0 if it could be read.
int status(const std::string& config_file, bool as_json);

/// Prints what GET /status of the admin address reports.
void print_status(const nlohmann::ordered_json& report);

}  // namespace gatehouse::core
