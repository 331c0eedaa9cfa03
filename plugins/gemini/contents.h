#pragma once

#include "request.h"

namespace gatehouse::plugins::gemini {

/// Appends the member `contents`: the conversation, in the order of turns that Gemini accepts.
void append_contents(std::string& out, Json chat, const RequestOptions& options);

/// Appends a part with this text.
void append_text(std::string& out, View text);

}  // namespace gatehouse::plugins::gemini
