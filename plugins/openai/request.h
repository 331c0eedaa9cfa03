#pragma once

#include "dialect.h"

namespace gatehouse::plugins::openai {

/// Rules 1 and 2 of the chat document: fails for what cannot be sent, and collects what is not
/// honoured.
Result<Unhonoured> check_chat(Json chat, const Dialect& dialect);

/// The body of a request for a chat document. `extra`: more members of it.
std::string request_body(Json chat, const Dialect& dialect, ChatNames& names, Json extra);

/// The request has this member of the API already, so that an operator or a chat cannot add it.
bool is_own_member(View name);

/// What this API accepts as names of tools and ids of calls.
ChatNames names_of(Json chat, const Dialect& dialect);

}  // namespace gatehouse::plugins::openai
