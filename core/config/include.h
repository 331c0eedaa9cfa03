#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

#include "core/config/yaml.h"

namespace gatehouse::core {

/// Converts the text of a configuration file. Returns nothing if it is not a YAML map.
std::optional<nlohmann::ordered_json> parse_map(std::string_view text, Origins& origins,
                                                Problems& problems);
/// The same for the file itself.
std::optional<nlohmann::ordered_json> read_map(const std::filesystem::path& file, Origins& origins,
                                               Problems& problems);

/// Merges the files that `include` of `root` names into `root`, a map, and reports what is wrong
/// with them in `problems`.
void include_files(nlohmann::ordered_json& root, Origins& origins, Problems& problems);

}  // namespace gatehouse::core
