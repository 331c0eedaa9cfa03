#include "call_metrics.h"

namespace gatehouse::plugins::gemini {
namespace {

// What OpenTelemetry's semantic conventions for generative AI clients call us.
constexpr std::pair<View, View> kOperation = {"gen_ai_operation_name", "chat"};
constexpr std::pair<View, View> kProvider = {"gen_ai_provider_name", "gcp.gemini"};

void count_tokens(Host host, View model, View type, std::int64_t tokens) {
  if (tokens < 0) return;
  Series(host, GH_TOKENS, "gen_ai_client_token_usage",
         "Tokens of a model call, as they are billed.",
         {kOperation, kProvider, {"gen_ai_request_model", model}, {"gen_ai_token_type", type}})
      .record(static_cast<double>(tokens));
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

void count(Host host, const Call& call) {
  Series(host, GH_COUNTER, "gatehouse_upstream_requests_total", "Requests to providers of models.",
         {{"provider", "gemini"},
          {"model", call.model},
          {"code", call.http_status ? std::to_string(call.http_status) : call.error}})
      .record();
  // All series of a name have the same labels; an empty one is as good as none (Prometheus data
  // model).
  Series(host, GH_SECONDS, "gen_ai_client_operation_duration_seconds",
         "Time of a model call until its end.",
         {kOperation, kProvider, {"gen_ai_request_model", call.model}, {"error_type", call.error}})
      .record(seconds(host.now() - call.began));
  if (call.first_chunk.count() > 0) {
    Series(host, GH_SECONDS, "gen_ai_client_operation_time_to_first_chunk_seconds",
           "Time of a model call until its answer began.",
           {kOperation, kProvider, {"gen_ai_request_model", call.model}})
        .record(seconds(call.first_chunk - call.began));
  }
  count_tokens(host, call.model, "input", call.input_tokens);
  count_tokens(host, call.model, "output", call.output_tokens);
}

}  // namespace gatehouse::plugins::gemini
