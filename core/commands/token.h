#pragma once

#include <string>

namespace gatehouse::core {

/// `gatehouse token new`: prints a new token and the configuration entry that accepts it. `name`
/// may be empty.
int new_token(const std::string& name);

}  // namespace gatehouse::core
