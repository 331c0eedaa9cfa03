#pragma once

#include "gatehouse/toolkit/unhonoured.hpp"
#include "request.h"

namespace gatehouse::plugins::gemini {

/// What of a chat Gemini does not take: fails for a part that cannot be sent and for a member that
/// `must` names; what else is not honoured becomes warnings.
Result<Unhonoured> check_chat(Json chat, const RequestOptions& options);

}  // namespace gatehouse::plugins::gemini
