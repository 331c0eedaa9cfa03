#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/config/problems.h"

namespace gatehouse::core {

/// Reads a YAML or JSON file of the operator, such as that of the workflows, and checks it by a
/// JSON Schema. Returns JSON text with the defaults of the schema, or nothing after reporting why
/// in `problems`. Unlike in the configuration itself, `${…}` is not substituted.
std::optional<std::string> load_document(const std::filesystem::path& file, std::string_view schema,
                                         Problems& problems);

}  // namespace gatehouse::core
