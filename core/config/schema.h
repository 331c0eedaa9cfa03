#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/yaml.h"

namespace gatehouse::core {

// A schema is the text of a JSON Schema, draft 7, with two formats of ours, `duration` and `size`,
// and four keywords: `x-min` and `x-max`, the range of a value of these formats; `x-words`, what a
// `pattern` asks for; and `x-secret`, which keeps a value out of every problem.

/// Adds to `problems` every way in which `value` differs from what `schema` asks for, in the
/// operator's words. `value` stands at `pointer` in the file and is called `name`.
void validate(const nlohmann::json& value, const std::string& pointer, const std::string& name,
              std::string_view schema, const Origins& origins, Problems& problems);

/// What the author of a schema has to change: "/properties/ttl/pattern: is not …". Such a schema
/// validates nothing.
std::vector<std::string> schema_faults(std::string_view schema);

/// The configuration that a plugin with this schema gets for `config`, a JSON text: the same, with
/// its defaults filled in. Nothing if it is not valid: `problems` has become longer.
std::optional<std::string> configured(std::string_view config, std::string_view schema,
                                      Problems& problems);

}  // namespace gatehouse::core
