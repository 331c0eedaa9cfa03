#include "chat_spans.h"

#include "gatehouse/toolkit/trace_parent.hpp"

namespace gatehouse::plugins::traces {

Status ToolSpans::emit(Event e) {
  const bool runs_here = e.has(GH_DYNAMIC) && !e.has(GH_PROVIDER_EXECUTED);
  const bool is_output = e.kind() == GH_EV_TOOL_OUTPUT || e.kind() == GH_EV_TOOL_OUTPUT_ERROR;
  if (!is_output) model_finished_ = clock_.now();
  if (runs_here && e.kind() == GH_EV_TOOL_CALL) called_[std::string(e.id())] = e.name();
  if (runs_here && is_output && !e.has(GH_PRELIMINARY)) finish(e);
  return out_.emit(e);
}

void ToolSpans::finish(Event e) {
  const std::string name = name_of(e.id());
  if (name.empty()) return;
  const TraceParent trace(x_.trace());
  Span span(trace.trace_id, new_span_id(), trace.span_id, SpanKind::kInternal);
  span.set(names::kOperation, names::kExecuteTool);
  span.set(names::kToolName, View(name)).set(names::kToolCallId, e.id());
  if (e.kind() == GH_EV_TOOL_OUTPUT_ERROR) span.fail("tool_error");
  exporter_.add(
      span.end(std::string(names::kExecuteTool) + " " + name, model_finished_, clock_.now()));
}

/// A call that has waited for the user's approval is part of the request.
std::string ToolSpans::name_of(View id) const {
  if (const auto found = called_.find(id); found != called_.end()) return found->second;
  for (const Json message : x_.chat()["messages"]) {
    for (const Json part : message["content"]) {
      if (part["type"].str() == "tool-call" && part["id"].str() == id)
        return std::string(part["name"].str());
    }
  }
  return {};
}

Status ModelCall::emit(Event e) {
  if (!first_chunk_) first_chunk_ = clock_.now() - began_;
  if (e.kind() == GH_EV_RESPONSE) {
    response_id_ = e.json()["id"].str(response_id_);
    response_model_ = e.json()["model"].str(response_model_);
  } else if (e.kind() == GH_EV_STEP_FINISH) {
    finish_reason_ = e.name();
  } else if (e.kind() == GH_EV_USAGE) {
    for (std::size_t i = 0; i < usage_.size(); ++i) {
      const Json count = e.json()[names::kUsage[i].member];
      usage_[i] = count ? std::optional(count.integer()) : std::nullopt;
    }
  }
  return out_.emit(e);
}

void ModelCall::describe(Span& span, const Exchange& x) const {
  const Json chat = x.chat();
  span.set(names::kOperation, names::kChat);
  span.set(names::kProvider, Json(x.notes()["provider"]));
  span.set(names::kRequestModel, chat["model"]);
  for (const auto& [member, attribute] : names::kRequest) span.set(attribute, chat[member]);
  if (!response_model_.empty()) span.set(names::kResponseModel, View(response_model_));
  if (!response_id_.empty()) span.set(names::kResponseId, View(response_id_));
  if (!finish_reason_.empty()) span.set_list(names::kFinishReasons, finish_reason_);
  if (first_chunk_) span.set_seconds(names::kFirstChunk, *first_chunk_);
  for (std::size_t i = 0; i < usage_.size(); ++i) {
    if (usage_[i]) span.set(names::kUsage[i].attribute, *usage_[i]);
  }
}

}  // namespace gatehouse::plugins::traces
