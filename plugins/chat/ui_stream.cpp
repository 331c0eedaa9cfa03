#include "ui_stream.h"

#include <algorithm>
#include <chrono>

namespace gatehouse::plugins::chat {
namespace {

constexpr View kDone = "data: [DONE]\n\n";
// All that a client learns of an error: the reasons of a provider or a tool may hold keys,
// addresses and other people's words.
constexpr View kMasked = "An error occurred during the conversation";
// What clients of all generations know.
constexpr View kFinishReasons[] = {"stop",       "length", "content-filter",
                                   "tool-calls", "error",  "other"};

/// Whether the client's JSON parser takes this for an attack on JavaScript's prototypes: it then
/// drops the whole answer. That of AI SDK 5.0.92 does so for a `constructor` of null, too.
bool breaks_client(Json value) {
  for (const auto [key, member] : value.members()) {
    if (key == "__proto__" || (key == "constructor" && (member.is_null() || member["prototype"])))
      return true;
  }
  for (const Json inner : value) {
    if (breaks_client(inner)) return true;
  }
  return false;
}

std::optional<std::int64_t> count(Json value) {
  const std::int64_t tokens = value.integer(-1);
  // Far beyond any model, and far from where sums overflow.
  if (tokens < 0 || tokens > 1'000'000'000'000) return std::nullopt;
  return tokens;
}

std::optional<std::int64_t> sum(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  if (!a || !b) return a ? a : b;
  return *a + *b;
}

Tokens sum(const Tokens& a, const Tokens& b) {
  return {sum(a.input, b.input), sum(a.output, b.output), sum(a.total, b.total),
          sum(a.reasoning, b.reasoning), sum(a.cached, b.cached)};
}

Tokens tokens_of(Json usage) {
  return {count(usage["input_tokens"]), count(usage["output_tokens"]), count(usage["total_tokens"]),
          count(usage["reasoning_tokens"]), count(usage["cached_input_tokens"])};
}

}  // namespace

Status UiStream::start(View model) {
  // No messageId: the client would take a continued answer for a new message.
  begin("start");
  buffer_.append(",\"messageMetadata\":{\"createdAt\":");
  buffer_.append(
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(host_.wall()).count()));
  member("model", model);
  buffer_.push_back('}');
  end();
  return send();
}

Status UiStream::emit(Event e) {
  if (ended_) return Status(GH_STOP);
  switch (e.kind()) {
    case GH_EV_STEP_START:
      close_step();
      steps_before_ = sum(steps_before_, step_);
      step_ = {};
      blocks_in_step_ = 0;
      in_step_ = true;
      begin("start-step");
      end();
      break;
    case GH_EV_TEXT: write_delta("text", e); break;
    case GH_EV_REASONING:
      if (options_.send_reasoning) {
        write_delta("reasoning", e);
      } else if (!e.text().empty()) {
        close_block();  // the same blocks of text, whether or not the thoughts between them are
                        // shown
      }
      break;
    case GH_EV_TOOL_INPUT_START:
      begin_tool("tool-input-start", e);
      end();
      break;
    case GH_EV_TOOL_INPUT_DELTA:
      begin("tool-input-delta");
      member("toolCallId", e.id());
      member("inputTextDelta", e.text());
      end();
      break;
    case GH_EV_TOOL_CALL:
    case GH_EV_TOOL_CALL_ERROR: write_tool_call(e); break;
    case GH_EV_TOOL_OUTPUT:
    case GH_EV_TOOL_OUTPUT_ERROR: write_tool_output(e); break;
    case GH_EV_TOOL_APPROVAL:
      begin("tool-approval-request");
      member("approvalId", e.text());
      member("toolCallId", e.id());
      end();
      break;
    case GH_EV_TOOL_DENIED:
      begin("tool-output-denied");
      member("toolCallId", e.id());
      end();
      break;
    case GH_EV_SOURCE:
      if (!options_.send_sources) break;
      begin("source-url");
      member("sourceId", e.id());
      member("url", e.text());
      if (!e.name().empty()) member("title", e.name());
      end();
      break;
    case GH_EV_FILE:
      begin("file");
      member("url", std::string("data:").append(e.name()).append(";base64,").append(e.text()));
      member("mediaType", e.name());
      write_metadata(e);
      end();
      break;
    case GH_EV_DATA:
      if (breaks_client(e.json())) break;
      begin("data-", e.name());
      member("data", e.json());
      end();
      break;
    case GH_EV_RESPONSE:
      if (const View model = e.json()["model"].str(); !model.empty()) model_version_ = model;
      response_id_ = e.json()["id"].str();
      break;
    case GH_EV_USAGE: step_ = tokens_of(e.json()); break;
    case GH_EV_STEP_FINISH: {
      close_step();
      const bool known = std::find(std::begin(kFinishReasons), std::end(kFinishReasons),
                                   e.name()) != std::end(kFinishReasons);
      finish_reason_ = known ? e.name() : "other";
      break;
    }
  }
  return buffer_.empty() ? Status() : send();
}

Status UiStream::finish() {
  close_step();
  begin("finish");
  member("finishReason", finish_reason_.empty() ? "other" : View(finish_reason_));
  // Present even when empty: it is what makes the client show a step in which the model said
  // nothing.
  buffer_.append(",\"messageMetadata\":{");
  const auto add = [this](View key, std::optional<std::int64_t> count) {
    if (count)
      buffer_.append(buffer_.back() == '{' ? "\"" : ",\"")
          .append(key)
          .append("\":")
          .append(std::to_string(*count));
  };
  add("inputTokens", tokens().input);
  add("outputTokens", tokens().output);
  add("totalTokens", tokens().total);
  if (options_.send_model_version && !model_version_.empty()) {
    buffer_.append(buffer_.back() == '{' ? "" : ",").append("\"modelVersion\":");
    quote(buffer_, model_version_);
  }
  buffer_.push_back('}');
  end();
  buffer_.append(kDone);
  return send(true);
}

Status UiStream::fail() {
  begin("error");
  member("errorText", kMasked);
  end();
  buffer_.append(kDone);
  return send(true);
}

Tokens UiStream::tokens() const { return sum(steps_before_, step_); }

/// A piece of text or reasoning. One block is open at a time; tool calls, sources and files do not
/// close it.
void UiStream::write_delta(View kind, Event e) {
  const bool open = block_kind_ == kind && block_of_ == e.id();
  if (e.text().empty() && !sendable_metadata(e)) return;
  if (!open) {
    close_block();
    block_kind_ = kind;
    block_of_ = e.id();
    block_id_ = std::to_string(blocks_in_step_++);
    begin(kind, "-start");
    member("id", block_id_);
    write_metadata(e);
    end();
    // A signature alone: the model wants it back on an empty part, not on the text that may follow.
    if (e.text().empty()) return close_block();
  }
  begin(kind, "-delta");
  member("id", block_id_);
  member("delta", e.text());
  write_metadata(e);
  end();
}

void UiStream::write_tool_call(Event e) {
  const bool sendable = !breaks_client(e.json());
  const bool failed = e.kind() == GH_EV_TOOL_CALL_ERROR || !sendable;
  begin_tool(failed ? "tool-input-error" : "tool-input-available", e);
  if (sendable) {
    member("input", e.json());
  } else {
    buffer_.append(",\"input\":{}");
  }
  write_metadata(e);
  if (failed) write_error_text(e, sendable);
  end();
}

void UiStream::write_tool_output(Event e) {
  const bool sendable = !breaks_client(e.json());
  if (e.kind() == GH_EV_TOOL_OUTPUT && sendable) {
    begin_tool("tool-output-available", e);
    member("output", e.json());
    if (e.has(GH_PRELIMINARY)) buffer_.append(",\"preliminary\":true");
  } else {
    begin_tool("tool-output-error", e);
    write_error_text(e, sendable);
  }
  end();
}

/// What the chunks of a tool call have in common.
void UiStream::begin_tool(View type, Event e) {
  begin(type);
  member("toolCallId", e.id());
  if (type.substr(0, 10) == "tool-input") member("toolName", e.name());
  // Must be the same on all chunks of a call: the client looks for the call among those of its kind
  // only.
  if (e.has(GH_DYNAMIC)) buffer_.append(",\"dynamic\":true");
  if (e.has(GH_PROVIDER_EXECUTED)) buffer_.append(",\"providerExecuted\":true");
}

/// The client gets the fixed text; here the reason leaves the answer, so it is logged.
void UiStream::write_error_text(Event e, bool sendable) {
  member("errorText", kMasked);
  Document fields;
  fields.root().edit("tool_call_id").set(e.id());
  fields.root().edit("reason").set(
      sendable ? e.text()
               : "clients drop an answer with such a key: __proto__, or prototype in constructor");
  host_.log(GH_DEBUG, &x_, "a tool call failed", fields.root());
}

/// Opaque to everyone but the provider, whom it comes from.
Json UiStream::sendable_metadata(Event e) {
  return e.metadata().size() > 0 && !breaks_client(e.metadata()) ? e.metadata() : Json();
}

void UiStream::write_metadata(Event e) {
  if (const Json metadata = sendable_metadata(e)) member("providerMetadata", metadata);
}

void UiStream::close_block() {
  if (block_kind_.empty()) return;
  begin(block_kind_, "-end");
  member("id", block_id_);
  end();
  block_kind_ = {};
}

void UiStream::close_step() {
  if (!in_step_) return;
  close_block();
  begin("finish-step");
  end();
  in_step_ = false;
}

void UiStream::begin(View type, View type_end) {
  buffer_.append("data: {\"type\":\"").append(type).append(type_end).push_back('"');
}

void UiStream::member(View key, View text) {
  buffer_.append(",\"").append(key).append("\":");
  quote(buffer_, text);
}

void UiStream::member(View key, Json value) {
  buffer_.append(",\"").append(key).append("\":");
  value.dump(buffer_);
}

Status UiStream::send(bool last) {
  ended_ = last;
  Status status = out_.emit(event::bytes(buffer_, last));
  buffer_.clear();
  return status;
}

}  // namespace gatehouse::plugins::chat
