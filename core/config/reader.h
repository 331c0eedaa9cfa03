#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "core/config/config.h"

namespace gatehouse::core {

/// Reads `config` from the map `root` of the file `file`, and adds all that is wrong with it to
/// `problems`. What the schema has refused keeps its default.
void read_settings(nlohmann::ordered_json& root, const std::filesystem::path& file,
                   Origins& origins, Problems& problems, Config& config);

}  // namespace gatehouse::core
