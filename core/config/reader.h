#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "core/config/config.h"

namespace gatehouse::core {

/// Reads `config` from the map `root` of the file `file`, and reports everything that is wrong with
/// it in `problems`.
void read_settings(nlohmann::ordered_json& root, const std::filesystem::path& file,
                   Origins& origins, Problems& problems, Config& config);

}  // namespace gatehouse::core
