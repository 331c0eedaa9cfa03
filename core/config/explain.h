#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/config/yaml.h"

namespace gatehouse::core {

/// One way in which a value differs from what its schema asks for.
struct Finding {
  std::string pointer;
  bool at_key;  // shown at the key, not at the value
  std::string text;
};

/// Every way in which `value`, which stands at `pointer` and is called `name`, differs from
/// `schema`, in the operator's words. Throws std::exception if the schema cannot be used.
std::vector<Finding> explain(const nlohmann::json& value, const std::string& pointer,
                             const std::string& name, const nlohmann::json& schema,
                             const Origins& origins);

/// The properties that a schema marks with x-secret anywhere; "": something without a name.
std::set<std::string> secrets_of(const nlohmann::json& schema);

}  // namespace gatehouse::core
