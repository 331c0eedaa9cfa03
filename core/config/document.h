#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/config/problems.h"

namespace gatehouse::core {

/// A YAML or JSON file beside the configuration, such as the workflows', checked by a JSON Schema.
/// The text of the JSON, with the defaults of the schema; nothing: `problems` has become longer.
/// Unlike in the configuration itself,
/// `${…}` means nothing in it.
std::optional<std::string> load_document(const std::filesystem::path& file, std::string_view schema,
                                         Problems& problems);

}  // namespace gatehouse::core
