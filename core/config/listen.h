#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/config/problems.h"
#include "core/config/settings.h"
#include "core/config/yaml.h"

namespace gatehouse::core {

/// Reads the value of a `listen`, which stands at `pointer`: one address, or a list of addresses
/// and of maps that describe one. Relative paths in it begin at `folder`.
std::vector<ListenSettings> read_listen(const nlohmann::ordered_json& value,
                                        const std::string& pointer,
                                        const std::filesystem::path& folder, const Origins& origins,
                                        Problems& problems);

}  // namespace gatehouse::core
