#pragma once

#include <string>

namespace gatehouse::core {

/// Tells everything that is wrong with a configuration; as_json: to standard output, as an object
/// with `ok`, `pipeline` if it is, `problems` and `warnings`. The exit status is that of the
/// problems alone.
int check(const std::string& config_file, bool as_json);

}  // namespace gatehouse::core
