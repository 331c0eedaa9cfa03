#pragma once

#include <string>

namespace gatehouse::core {

/// A fresh install token and the line for the configuration that lets it in. `name` may be empty.
int new_token(const std::string& name);

}  // namespace gatehouse::core
