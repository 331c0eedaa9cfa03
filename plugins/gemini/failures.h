#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/upstream_failure.hpp"

namespace gatehouse::plugins::gemini {

/// The error in a body of Gemini, which may be a list.
Json error_of(Json body);

/// Of an error of Gemini: the body of a response with another status than 200, or an event of a
/// stream (`http_status` 200). The detail is not shortened yet and may hold the key.
UpstreamFailure failure_of(int http_status, Json body);
/// A response that is not what the Gemini API promises.
UpstreamFailure malformed(View what);

/// Whether an unknown model is gone for good, or for this key.
bool is_gone_for_good(View message);

}  // namespace gatehouse::plugins::gemini
