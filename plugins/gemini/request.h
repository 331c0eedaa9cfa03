#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// The body of a Gemini request (GenerateContentRequest) for a chat document, written in one pass.
std::string request_body(Json chat);

}  // namespace gatehouse
