#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/call_ids.hpp"

namespace gatehouse::plugins::completions {

/// Writes the chat document (sdk/README.md) of a body that check_body() has accepted: 400 when that
/// leaves nothing that a model could respond to. Nothing of the operator's goes into it: without
/// the client's word there is no prompt, no temperature, no limit and no tool.
Status write_document(Exchange& x, Json body, const CallIds& ids, bool shows_reasoning,
                      MutableJson chat);

}  // namespace gatehouse::plugins::completions
