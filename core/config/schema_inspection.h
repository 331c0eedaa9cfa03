#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gatehouse::core {

/// What is known of a JSON Schema without a value to validate.
struct SchemaInspection {
  /// What its author has to change: "/properties/ttl/pattern: is not a regular expression …".
  std::vector<std::string> faults;
  /// Pointers to the schemas in it that have a `default`.
  std::vector<std::string> with_default;
};

/// Checks each keyword: whether draft 7 or this gateway (x-secret, x-words, x-min, x-max) knows it,
/// and whether its value has the right form. JSON Schema itself ignores what it does not know, so
/// that a misspelt keyword would check nothing.
SchemaInspection inspect_schema(const nlohmann::ordered_json& schema);

/// The schema that `schema`, a part of `root`, is or refers to by `$ref`. For schemas without
/// faults.
const nlohmann::ordered_json& resolved(const nlohmann::ordered_json& root,
                                       const nlohmann::ordered_json& schema);

}  // namespace gatehouse::core
