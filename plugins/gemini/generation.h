#pragma once

#include "models.h"

namespace gatehouse::plugins::gemini {

/// Appends the member `generationConfig`: how the model is to answer. The chat document says it, or
/// else the settings, as far as the model takes it.
void append_generation(std::string& out, Json chat, Json settings, const Model& model,
                       bool answers_json);

/// What the model uses in place of `thinking` when it does not have that; empty: it has.
std::string nearest_thinking(const Model& model, Json thinking);

}  // namespace gatehouse::plugins::gemini
