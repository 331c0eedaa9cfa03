#pragma once

#include "models.h"

namespace gatehouse::plugins::gemini {

/// Appends the member `generationConfig`: how the model is to respond. What the chat document
/// leaves open the settings decide, as far as the model accepts it. `json`: JSON is enforced.
void append_generation(std::string& out, Json chat, Json settings, const Model& model, bool json);

/// The API documents "stopSequences: up to 5".
constexpr std::size_t kMaxStops = 5;

/// How much the model reasons by the chat's `reasoning`: an effort or a number of tokens.
Json reasoning_of(Json chat);
/// What the model does in place of this effort or number of tokens; empty: just that.
std::string nearest_thinking(const Model& model, Json thinking);

/// Whether requests carry this member of `options.google`, with a value of this type.
bool is_option(View name, Json value);

}  // namespace gatehouse::plugins::gemini
