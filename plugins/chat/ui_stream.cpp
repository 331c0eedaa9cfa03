/// Each kind of event has a member of UiStream, found by the table kWriters, that appends its
/// chunks to stream_; kinds without one show nothing to the client. What an event has appended is
/// sent at once, as one piece. Text and reasoning are blocks on the wire: one block is open at a
/// time, and tool calls, sources and files do not close it, so that the client shows the text
/// around a call as one; unless the block has an id, which is of a provider whose calls are blocks
/// themselves.
#include "ui_stream.h"

#include <algorithm>
#include <chrono>

namespace gatehouse::plugins::chat {
namespace {

constexpr View kDone = "data: [DONE]\n\n";
// All that a client learns of an error: the reasons of a provider or a tool may hold keys,
// addresses and other people's words.
constexpr View kMasked = "An error occurred during the conversation";
// What clients of all versions know.
constexpr View kFinishReasons[] = {"stop",       "length", "content-filter",
                                   "tool-calls", "error",  "other"};

bool breaks_client(Json value);
Json sendable_metadata(Event e);
View known_reason(View reason);
std::int64_t in_ms_since_1970(std::chrono::nanoseconds time);

}  // namespace

const UiStream::Writer UiStream::kWriters[] = {
    {GH_EV_STEP_START, &UiStream::start_step},
    {GH_EV_TEXT, &UiStream::write_text},
    {GH_EV_REASONING, &UiStream::write_reasoning},
    {GH_EV_TOOL_INPUT_START, &UiStream::start_tool_input},
    {GH_EV_TOOL_INPUT_DELTA, &UiStream::write_tool_input},
    {GH_EV_TOOL_CALL, &UiStream::write_tool_call},
    {GH_EV_TOOL_CALL_ERROR, &UiStream::write_tool_call},
    {GH_EV_TOOL_OUTPUT, &UiStream::write_tool_output},
    {GH_EV_TOOL_OUTPUT_ERROR, &UiStream::write_tool_output},
    {GH_EV_TOOL_APPROVAL, &UiStream::request_approval},
    {GH_EV_TOOL_DENIED, &UiStream::write_denial},
    {GH_EV_SOURCE, &UiStream::write_source},
    {GH_EV_FILE, &UiStream::write_file},
    {GH_EV_DATA, &UiStream::write_data},
    {GH_EV_STEP_FINISH, &UiStream::finish_step},
};

void UiStream::write_head(Exchange& x) {
  EventStream::write_head(x);
  x.set_header("X-Vercel-AI-UI-Message-Stream", "v1");
}

View UiStream::failed_end() {
  static const std::string kEnd = std::string(R"(data: {"type":"error","errorText":")")
                                      .append(kMasked)
                                      .append("\"}\n\n")
                                      .append(kDone);
  return kEnd;
}

View UiStream::stopped_end() { return "data: {\"type\":\"abort\"}\n\ndata: [DONE]\n\n"; }

Status UiStream::open() {
  if (is_open_) return {};
  is_open_ = true;
  write_head(x_);

  std::string chunk = "data: ";
  // No messageId: the client would take a continued response for a new message.
  JsonText(chunk)
      .open('{')
      .member("type", "start")
      .key("messageMetadata")
      .open('{')
      .member("createdAt", in_ms_since_1970(host_.wall()))
      .member("model", x_.chat()["model"].str())
      .close('}')
      .close('}');
  return out_.emit(event::bytes(chunk.append("\n\n")));
}

Status UiStream::emit(Event e) {
  if (has_ended_) return Status(GH_STOP);
  const auto writer = std::find_if(std::begin(kWriters), std::end(kWriters),
                                   [kind = e.kind()](const Writer& w) { return w.kind == kind; });
  if (writer == std::end(kWriters)) return {};
  (this->*writer->write)(e);
  return stream_.is_empty() ? Status() : send();
}

Status UiStream::finish(const ModelResponse& response) {
  static constexpr std::pair<View, View> kShownCounts[] = {{"inputTokens", "input_tokens"},
                                                           {"outputTokens", "output_tokens"},
                                                           {"totalTokens", "total_tokens"}};
  begin("finish").member("finishReason", known_reason(response.finish_reason()));
  // Present even when empty: it is what makes the client show a step in which the model said
  // nothing.
  json().key("messageMetadata").open('{');
  const TokenCounts tokens = response.tokens();
  for (const auto& [name, of] : kShownCounts) {
    if (const auto count = tokens[of]) json().member(name, *count);
  }
  if (options_.send_model_version && !response.model().empty())
    json().member("modelVersion", response.model());
  json().close('}');
  end();
  stream_.append(kDone);
  return send(true);
}

Status UiStream::fail() {
  stream_.clear();  // the chunks of an event that could not be written
  stream_.append(failed_end());
  return send(true);
}

void UiStream::start_step(Event) {
  blocks_in_step_ = 0;
  begin("start-step");
  end();
}

void UiStream::finish_step(Event) {
  close_block();
  begin("finish-step");
  end();
}

void UiStream::write_text(Event e) { write_block("text", e); }

void UiStream::write_reasoning(Event e) {
  if (options_.send_reasoning) return write_block("reasoning", e);
  // The same blocks of text, whether or not the reasoning between them is shown.
  if (!e.text().empty()) close_block();
}

void UiStream::write_block(View kind, Event e) {
  if (e.text().empty() && !sendable_metadata(e)) return;
  if (block_kind_ != kind || block_of_ != e.id()) {
    close_block();
    open_block(kind, e);
    // A signature alone: the model wants it back on an empty part, not on the text that may follow.
    if (e.text().empty()) return close_block();
  }
  stream_.append(before_delta_);
  json().value(e.text());
  write_metadata(e);
  end();
}

void UiStream::open_block(View kind, Event e) {
  block_kind_ = kind;
  block_of_ = e.id();
  block_id_ = std::to_string(blocks_in_step_++);
  before_delta_ = "data: ";
  JsonText(before_delta_)
      .open('{')
      .member("type", std::string(kind).append("-delta"))
      .member("id", block_id_)
      .key("delta");
  begin(std::string(kind).append("-start")).member("id", block_id_);
  write_metadata(e);
  end();
}

void UiStream::close_block() {
  if (block_kind_.empty()) return;
  begin(std::string(block_kind_).append("-end")).member("id", block_id_);
  end();
  block_kind_ = {};
}

void UiStream::start_tool_input(Event e) {
  if (!block_of_.empty()) close_block();
  begin_tool("tool-input-start", e);
  end();
}

void UiStream::write_tool_input(Event e) {
  begin("tool-input-delta").member("toolCallId", e.id()).member("inputTextDelta", e.text());
  end();
}

void UiStream::write_tool_call(Event e) {
  const bool is_sendable = !breaks_client(e.json());
  const bool has_failed = e.kind() == GH_EV_TOOL_CALL_ERROR || !is_sendable;
  begin_tool(has_failed ? "tool-input-error" : "tool-input-available", e);
  json().key("input");
  if (is_sendable) {
    json().value(e.json());
  } else {
    json().raw("{}");
  }
  write_metadata(e);
  if (has_failed) write_error_text(e, is_sendable);
  end();
}

void UiStream::write_tool_output(Event e) {
  if (e.has(GH_DYNAMIC)) close_block();  // the gateway runs tools when the model has ended
  const bool is_sendable = !breaks_client(e.json());
  if (e.kind() == GH_EV_TOOL_OUTPUT && is_sendable) {
    begin_tool("tool-output-available", e);
    json().member("output", e.json());
    if (e.has(GH_PRELIMINARY)) json().member("preliminary", true);
  } else {
    begin_tool("tool-output-error", e);
    write_error_text(e, is_sendable);
  }
  end();
}

void UiStream::request_approval(Event e) {
  begin("tool-approval-request").member("approvalId", e.text()).member("toolCallId", e.id());
  end();
}

void UiStream::write_denial(Event e) {
  begin("tool-output-denied").member("toolCallId", e.id());
  end();
}

void UiStream::write_source(Event e) {
  if (!options_.send_sources) return;
  begin("source-url").member("sourceId", e.id()).member("url", e.text());
  if (!e.name().empty()) json().member("title", e.name());
  end();
}

void UiStream::write_file(Event e) {
  begin("file")
      .member("url", std::string("data:").append(e.name()).append(";base64,").append(e.text()))
      .member("mediaType", e.name());
  write_metadata(e);
  end();
}

void UiStream::write_data(Event e) {
  if (breaks_client(e.json())) return;
  begin(std::string("data-").append(e.name())).member("data", e.json());
  end();
}

/// What the chunks of a tool call have in common.
void UiStream::begin_tool(View type, Event e) {
  begin(type).member("toolCallId", e.id());
  if (type.substr(0, 10) == "tool-input") json().member("toolName", e.name());
  // Must be the same on all chunks of a call: the client looks for the call among those of its kind
  // only.
  if (e.has(GH_DYNAMIC)) json().member("dynamic", true);
  if (e.has(GH_PROVIDER_EXECUTED)) json().member("providerExecuted", true);
}

/// The client gets the fixed text; the reason is logged here, where it leaves the response.
void UiStream::write_error_text(Event e, bool is_sendable) {
  json().member("errorText", kMasked);
  const Document fields;
  fields.root().edit("tool_call_id").set(e.id());
  fields.root().edit("reason").set(
      is_sendable ? e.text()
                  : "clients drop a response with the key __proto__, or with prototype inside "
                    "constructor");
  host_.log(GH_DEBUG, &x_, "a tool call failed", fields.root());
}

void UiStream::write_metadata(Event e) {
  if (const Json metadata = sendable_metadata(e)) json().member("providerMetadata", metadata);
}

JsonText& UiStream::begin(View type) { return stream_.begin().open('{').member("type", type); }

void UiStream::end() {
  json().close('}');
  stream_.end();
}

Status UiStream::send(bool last) {
  has_ended_ = last;
  Status status = open();
  return status ? stream_.send(last) : std::move(status);
}

namespace {

/// Whether the client's JSON parser takes this for an attack on JavaScript's prototypes: it then
/// drops the whole response. That of AI SDK 5.0.92 does so for a `constructor` of null, too.
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

/// Opaque to everyone but the provider that it comes from.
Json sendable_metadata(Event e) {
  return e.metadata().size() > 0 && !breaks_client(e.metadata()) ? e.metadata() : Json();
}

View known_reason(View reason) {
  const bool is_known = std::find(std::begin(kFinishReasons), std::end(kFinishReasons), reason) !=
                        std::end(kFinishReasons);
  return is_known ? reason : "other";
}

std::int64_t in_ms_since_1970(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace
}  // namespace gatehouse::plugins::chat
