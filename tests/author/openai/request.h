#pragma once

#include <string>

#include "gatehouse/document.hpp"
#include "gatehouse/toolkit/unhonoured.hpp"

namespace acme::openai {

using namespace gatehouse;

/// What this API cannot do of a chat.
Unhonoured unhonoured_in(Json chat);

/// The chat as a request for chat completions. Fails for parts that this API does not have.
/// `limit_name`: the server's word for the most output tokens.
Result<std::string> request_body(Json chat, View limit_name);

}  // namespace acme::openai
