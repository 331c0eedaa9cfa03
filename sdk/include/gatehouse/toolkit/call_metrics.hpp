/// What the calls of a model leave behind: metrics, and notes for the access log.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
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
  static constexpr View kChat = "chat";
  View operation = kChat;  ///< As OpenTelemetry calls it, else as the API does.
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
    const Of series = series_of(call);
    series.requests.record();
    series.duration.record(seconds(host_.now() - call.began));
    series.first_chunk.record(seconds(call.first_chunk - call.began));
    series.input.record(static_cast<double>(call.input_tokens));
    series.output.record(static_cast<double>(call.output_tokens));
  }

 private:
  /// The series that a call counts in; those that it has no value for take none.
  struct Of {
    Series requests, duration, first_chunk, input, output;
  };

  /// Complete responses of chats, as nearly all are, differ in their model alone: looked up once
  /// for each.
  Of series_of(const ModelCall& call) const {
    constexpr std::size_t kMost = 100;  // models, which a client may name
    const bool is_complete = call.operation == ModelCall::kChat && call.http_status == 200 &&
                             call.error.empty() && call.first_chunk.count() != 0 &&
                             call.input_tokens >= 0 && call.output_tokens >= 0;
    if (!is_complete) return look_up(call);
    const std::lock_guard lock(mutex_);
    if (const auto known = complete_.find(call.model); known != complete_.end())
      return known->second;
    const Of found = look_up(call);
    if (complete_.size() < kMost) complete_.emplace(call.model, found);
    return found;
  }
  Of look_up(const ModelCall& call) const {
    const std::string code =
        call.http_status ? std::to_string(call.http_status) : std::string(call.error);
    const std::pair<View, View> operation = {"gen_ai_operation_name", call.operation};
    const std::pair<View, View> provider = {"gen_ai_provider_name", gen_ai_provider_};
    const std::pair<View, View> model = {"gen_ai_request_model", call.model};
    const auto tokens = [&](View type) {
      return Series(host_, GH_TOKENS, "gen_ai_client_token_usage",
                    "Tokens per model call, as billed.",
                    {operation, provider, model, {"gen_ai_token_type", type}});
    };
    Of found;
    found.requests = Series(host_, GH_COUNTER, "gatehouse_upstream_requests_total",
                            "Requests to model providers.",
                            {{"provider", provider_}, {"model", call.model}, {"code", code}});
    // All series of a name have the same labels; an empty label equals an absent one (Prometheus
    // data model).
    found.duration = Series(host_, GH_SECONDS, "gen_ai_client_operation_duration_seconds",
                            "Duration of model calls until the end of the response.",
                            {operation, provider, model, {"error_type", call.error}});
    if (call.first_chunk.count() != 0) {
      found.first_chunk =
          Series(host_, GH_SECONDS, "gen_ai_client_operation_time_to_first_chunk_seconds",
                 "Duration of model calls until the first event of the response.",
                 {operation, provider, model});
    }
    if (call.input_tokens >= 0) found.input = tokens("input");
    if (call.output_tokens >= 0) found.output = tokens("output");
    return found;
  }
  static double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
  }

  const Host host_;
  const std::string provider_, gen_ai_provider_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Of, std::less<>> complete_;  // by model; guarded by mutex_
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
