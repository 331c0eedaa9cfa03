#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/config/yaml.h"

namespace gatehouse::core {

/// One way in which a value does not fit its schema.
struct Mismatch {
  std::string pointer;
  bool at_key;  // shown at the key, not at the value
  std::string text;
};

/// Every way in which `value`, which stands at `pointer` and is called `name`, does not fit
/// `schema`, in words for the operator. Throws std::exception if the schema contains itself.
std::vector<Mismatch> explain(const nlohmann::json& value, const std::string& pointer,
                              const std::string& name, const nlohmann::json& schema,
                              const Origins& origins);

/// The properties that a schema marks with x-secret anywhere; "": something without a name.
std::set<std::string> secrets_of(const nlohmann::json& schema);

}  // namespace gatehouse::core
