#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::messages {

/// What the body is for. To count tokens, `max_tokens` is not required.
enum class Purpose { kGenerate, kCount };

/// The code of the failure of a request for a conversation that the server keeps.
inline constexpr View kThreadUnsupported = "thread_unsupported_request";

/// 400 that names the first wrong member of a request of the Messages API, e.g.
/// "messages.2.content.0.text: must be a string", and repeats nothing of the body but types and
/// names of tools. write_document() reads an accepted body without further checks.
Status check_body(Json body, Purpose purpose);

}  // namespace gatehouse::plugins::messages
