#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse check --dump`: prints a valid configuration as it is used, as JSON, which is YAML:
/// included files merged, references substituted, defaults filled in, secrets masked, and without
/// the pipeline entries that are left out. Returns 1 after printing its problems otherwise.
int dump_config(const std::string& config_file);

}  // namespace gatehouse::core
