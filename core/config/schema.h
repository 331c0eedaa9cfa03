#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/config/yaml.h"

namespace gatehouse::core {

/// Adds to `problems` every way in which `value` differs from what `schema` asks for, in the
/// operator's words.
///
/// `schema` is the text of a JSON Schema, draft 7, with two formats of ours, `duration` and `size`,
/// and the keyword `x-secret`, which keeps a value out of every problem. `value` stands at
/// `pointer` in the file and is called `name`.
void validate(const nlohmann::json& value, const std::string& pointer, const std::string& name,
              std::string_view schema, const Origins& origins, Problems& problems);

}  // namespace gatehouse::core
