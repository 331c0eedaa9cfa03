#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/body_check.hpp"

namespace gatehouse::plugins::chat {

/// A setting of the call of the model that clients may choose, once the operator allows it.
struct Option {
  View name;       ///< In `model_options` of the configuration.
  View body_name;  ///< In `modelOptions` of a request.
  bool (*fits)(Json);
  View rule;  ///< What the value must be, for a client that sends another.
};

const std::vector<Option>& options();

/// What is wrong with the `modelOptions` of a request; nothing of them is repeated. `allowed` are
/// names of options.
BodyError check_options(Json given, const std::vector<std::string>& allowed);

}  // namespace gatehouse::plugins::chat
