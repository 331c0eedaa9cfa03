/// What the calls of a model leave behind: metrics, and notes for the access log.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "gatehouse/exchange.hpp"
#include "gatehouse/metrics.hpp"
#include "gatehouse/toolkit/outcome.hpp"

namespace gatehouse {
inline namespace v1 {

/// One call of a model.
struct ModelCall {
  View model;
  std::chrono::nanoseconds began;
  std::chrono::nanoseconds first_chunk{0};  ///< When the first event arrived; 0: never.
  int http_status = 0;                      ///< 0: no response arrived.
  std::string error{};                      ///< The code of its failure; empty: none.
  std::int64_t input_tokens = -1;           ///< -1: unknown.
  std::int64_t output_tokens = -1;
  View operation = "chat";  ///< As OpenTelemetry calls it, else as the API does.
};

/// Counts the calls of one provider. The metrics that begin with gen_ai_ are those of
/// OpenTelemetry's semantic conventions for generative AI clients. Any thread.
class CallMetrics {
 public:
  /// `provider`: as the gateway calls it; `gen_ai_provider`: as OpenTelemetry does.
  CallMetrics(Host host, std::string provider, std::string gen_ai_provider)
      : host_(host), provider_(std::move(provider)), gen_ai_provider_(std::move(gen_ai_provider)) {}

  /// A call that has just ended.
  void count(const ModelCall& call) const {
    const std::string code =
        call.http_status ? std::to_string(call.http_status) : std::string(call.error);
    Series(host_, GH_COUNTER, "gatehouse_upstream_requests_total", "Requests to model providers.",
           {{"provider", provider_}, {"model", call.model}, {"code", code}})
        .record();
    count_times(call);
    count_tokens(call, "input", call.input_tokens);
    count_tokens(call, "output", call.output_tokens);
  }

 private:
  std::pair<View, View> gen_ai_provider() const {
    return {"gen_ai_provider_name", gen_ai_provider_};
  }
  static std::pair<View, View> operation(const ModelCall& call) {
    return {"gen_ai_operation_name", call.operation};
  }
  void count_times(const ModelCall& call) const {
    const std::pair<View, View> model = {"gen_ai_request_model", call.model};
    // All series of a name have the same labels; an empty label equals an absent one (Prometheus
    // data model).
    Series(host_, GH_SECONDS, "gen_ai_client_operation_duration_seconds",
           "Duration of model calls until the end of the response.",
           {operation(call), gen_ai_provider(), model, {"error_type", call.error}})
        .record(seconds(host_.now() - call.began));
    if (call.first_chunk.count() == 0) return;
    Series(host_, GH_SECONDS, "gen_ai_client_operation_time_to_first_chunk_seconds",
           "Duration of model calls until the first event of the response.",
           {operation(call), gen_ai_provider(), model})
        .record(seconds(call.first_chunk - call.began));
  }
  void count_tokens(const ModelCall& call, View type, std::int64_t tokens) const {
    if (tokens < 0) return;
    Series(host_, GH_TOKENS, "gen_ai_client_token_usage", "Tokens per model call, as billed.",
           {operation(call),
            gen_ai_provider(),
            {"gen_ai_request_model", call.model},
            {"gen_ai_token_type", type}})
        .record(static_cast<double>(tokens));
  }
  static double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
  }

  const Host host_;
  const std::string provider_, gen_ai_provider_;
};

/// Adds an upstream request to the notes `attempts` and `upstream_ms`.
inline void note_attempt(const Exchange& x, std::chrono::nanoseconds took) {
  MutableJson notes = x.notes();
  const std::chrono::duration<double, std::milli> before(notes["upstream_ms"].real());
  notes.edit("attempts").set(notes["attempts"].integer() + 1);
  notes.edit("upstream_ms")
      .set(in_ms(took + std::chrono::duration_cast<std::chrono::nanoseconds>(before)));
}

}  // namespace v1
}  // namespace gatehouse
