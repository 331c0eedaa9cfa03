#pragma once

#include "body.h"
#include "gatehouse/toolkit/call_ids.hpp"

namespace gatehouse::plugins::messages {

/// Writes the chat document (sdk/README.md) of a body that check_body() has accepted: 400 when that
/// leaves nothing that a model could respond to. Texts are shared with the body, which is of the
/// same exchange.
Status write_document(Exchange& x, Json body, Purpose purpose, const CallIds& ids);

/// Whether the client shows what `thinking` of the body has requested.
bool shows(Json thinking);

}  // namespace gatehouse::plugins::messages
