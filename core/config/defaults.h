#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gatehouse::core {

/// Fills the `default` of each absent property into `value`, which `schema`, a part of `root`, has
/// found valid: in itself and in all objects inside it that `properties`, `items` or
/// `additionalProperties` describe. An object that is absent and has no default stays absent,
/// whatever defaults its own properties have. A `default` beside a `$ref` goes before the one that
/// the reference leads to. Throws std::runtime_error if a default contains itself.
void fill_in(const nlohmann::ordered_json& root, const nlohmann::ordered_json& schema,
             nlohmann::ordered_json& value);

/// The same for JSON texts: a value and its schema.
std::string with_defaults(std::string_view schema, std::string_view value);

}  // namespace gatehouse::core
