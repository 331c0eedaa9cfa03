#pragma once

#include <nlohmann/json_fwd.hpp>

#include "core/config/config.h"

namespace gatehouse::core {

/// The plugin of a pipeline entry that is a map: its first key that no entry may have beside the
/// plugin's name. Empty: none.
std::string plugin_of(const nlohmann::ordered_json& entry);

/// Reads `config` from the map `root`, and reports everything that is wrong with it in `problems`.
void read_settings(nlohmann::ordered_json& root, Origins& origins, Problems& problems,
                   Config& config);

}  // namespace gatehouse::core
