#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::models {

/// The body of GET /v1/models, in the form of OpenAI's API or of Anthropic's.
std::string list_for_openai(const std::vector<View>& names);
std::string list_for_anthropic(const std::vector<View>& names);
/// The body of GET /v1/models/NAME.
std::string model_for_openai(View name);
std::string model_for_anthropic(View name);

}  // namespace gatehouse::plugins::models
