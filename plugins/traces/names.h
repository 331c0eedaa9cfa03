#pragma once

#include "gatehouse/text.hpp"

// Every name that a span has: OpenTelemetry's semantic conventions for HTTP servers and for
// generative AI, and the gateway's own.

namespace gatehouse::plugins::traces::names {

inline constexpr View kServiceName = "service.name";
inline constexpr View kServiceVersion = "service.version";

inline constexpr View kMethod = "http.request.method";
inline constexpr View kRoute = "http.route";
inline constexpr View kStatus = "http.response.status_code";
inline constexpr View kErrorType = "error.type";
inline constexpr View kRequestId = "gatehouse.request.id";

inline constexpr View kOperation = "gen_ai.operation.name";
inline constexpr View kChat = "chat";                 // an operation
inline constexpr View kExecuteTool = "execute_tool";  // an operation
inline constexpr View kProvider = "gen_ai.provider.name";
inline constexpr View kRequestModel = "gen_ai.request.model";
inline constexpr View kResponseModel = "gen_ai.response.model";
inline constexpr View kResponseId = "gen_ai.response.id";
inline constexpr View kFinishReasons = "gen_ai.response.finish_reasons";
inline constexpr View kFirstChunk = "gen_ai.response.time_to_first_chunk";  // seconds
inline constexpr View kToolName = "gen_ai.tool.name";
inline constexpr View kToolCallId = "gen_ai.tool.call.id";

/// Members of the chat document, and of GH_EV_USAGE, that become attributes.
struct Renamed {
  View member, attribute;
};
inline constexpr Renamed kRequest[] = {
    {"temperature", "gen_ai.request.temperature"},
    {"top_p", "gen_ai.request.top_p"},
    {"top_k", "gen_ai.request.top_k"},
    {"seed", "gen_ai.request.seed"},
    {"max_output_tokens", "gen_ai.request.max_tokens"},
    {"presence_penalty", "gen_ai.request.presence_penalty"},
    {"frequency_penalty", "gen_ai.request.frequency_penalty"},
};
inline constexpr Renamed kUsage[] = {
    {"input_tokens", "gen_ai.usage.input_tokens"},
    {"output_tokens", "gen_ai.usage.output_tokens"},
    {"cached_input_tokens", "gen_ai.usage.cache_read.input_tokens"},
    {"cache_write_tokens", "gen_ai.usage.cache_write.input_tokens"},
    {"reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"},
};

}  // namespace gatehouse::plugins::traces::names
