#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse check`: reports every problem of a configuration. as_json: on standard output, as an
/// object with `ok`, `problems`, `warnings` and, if it is valid, `pipeline`. Returns 1 if there are
/// problems, which warnings are not.
int check(const std::string& config_file, bool as_json);

}  // namespace gatehouse::core
