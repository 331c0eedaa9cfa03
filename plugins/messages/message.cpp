#include "message.h"

#include <algorithm>

#include "errors.h"
#include "gatehouse/toolkit/fresh_id.hpp"

namespace gatehouse::plugins::messages {
namespace {

View stop_reason_of(View reason) {
  if (reason == "tool-calls") return "tool_use";
  if (reason == "length") return "max_tokens";
  return reason == "content-filter" ? "refusal" : "end_turn";
}

/// The API counts what the cache of prompts has, and gets, apart from other input.
void append_usage(JsonText& json, const TokenCounts& tokens, std::int64_t output) {
  const std::int64_t read = tokens["cached_input_tokens"].value_or(0);
  const std::int64_t written = tokens["cache_write_tokens"].value_or(0);
  const std::int64_t input = tokens["input_tokens"].value_or(0);
  json.key("usage").open('{');
  json.member("input_tokens", std::max(input - read - written, std::int64_t{0}));
  json.member("cache_creation_input_tokens", written);
  json.member("cache_read_input_tokens", read);
  json.member("output_tokens", output).close('}');
}

std::int64_t output_of(const TokenCounts& tokens) { return tokens["output_tokens"].value_or(0); }

}  // namespace

Status Message::emit(Event e) {
  // As the plugin below that chooses the model has it: after the response it is the client's again.
  if (model_.empty()) model_ = x_.chat()["model"].str();
  if (e.kind() == GH_EV_USAGE) tokens_ = TokenCounts(e.json());
  if (e.kind() == GH_EV_STEP_FINISH) stop_sequence_ = e.json()["stop_sequence"].str();
  if (Status s = calls_.emit(e); !s) return s;
  return flush();
}

Status Message::finish(View reason, const ModelResponse& response) {
  if (Status s = calls_.end(reason); !s) return s;
  blocks_.close();  // of a step that had no end
  return send_end(reason, response.tokens());
}

void Message::append_head(JsonText& json) const {
  json.member("id", View("msg_" + fresh_id())).member("type", "message");
  json.member("role", "assistant");
  json.member("model", model_.empty() ? x_.chat()["model"].str() : View(model_));
}

void Message::append_stop(JsonText& json, View reason) const {
  const bool is_sequence = reason == "stop" && !stop_sequence_.empty();
  json.member("stop_reason", is_sequence ? "stop_sequence" : stop_reason_of(reason));
  json.key("stop_sequence");
  if (is_sequence) {
    json.value(View(stop_sequence_));
  } else {
    json.raw("null");
  }
}

void WholeMessage::begin(const Block&) { text_.clear(); }

void WholeMessage::add(const Block&, View piece) { text_.append(piece); }

void WholeMessage::end(const Block& block) {
  json_.open('{');
  switch (block.kind) {
    case Block::text: json_.member("type", "text").member("text", View(text_)); break;
    case Block::thinking:
      json_.member("type", "thinking").member("thinking", View(text_));
      json_.member("signature", View(block.opaque));
      break;
    case Block::redacted:
      json_.member("type", "redacted_thinking").member("data", View(block.opaque));
      break;
    case Block::tool_use:
      json_.member("type", "tool_use").member("id", View(block.id));
      json_.member("name", View(block.name)).key("input").raw(text_);
      break;
  }
  json_.close('}');
}

Status WholeMessage::send_end(View reason, const TokenCounts& tokens) {
  std::string message;
  JsonText json(message);
  json.open('{');
  append_head(json);
  json.key("content").open('[').raw(content_).close(']');
  append_stop(json, reason);
  append_usage(json, tokens, output_of(tokens));
  json.close('}');
  return x_.reply(out_, 200, "application/json", message);
}

JsonText& StreamedMessage::begin_event(View type) {
  return events_.begin(type).open('{').member("type", type);
}
JsonText& StreamedMessage::begin_block_event(View type) {
  return begin_event(type).member("index", index_);
}
void StreamedMessage::end_event() {
  events_.json().close('}');
  events_.end();
}

void StreamedMessage::begin_message() {
  if (has_begun_) return;
  has_begun_ = true;
  JsonText& json = begin_event("message_start").key("message").open('{');
  append_head(json);
  json.key("content").raw("[]").key("stop_reason").raw("null").key("stop_sequence").raw("null");
  append_usage(json, tokens_so_far(), 0);
  json.close('}');
  end_event();
}

void StreamedMessage::begin(const Block& block) {
  begin_message();
  ++index_;
  JsonText& json = begin_block_event("content_block_start").key("content_block").open('{');
  switch (block.kind) {
    case Block::text: json.member("type", "text").member("text", ""); break;
    case Block::thinking:
      json.member("type", "thinking").member("thinking", "").member("signature", "");
      break;
    case Block::redacted:
      json.member("type", "redacted_thinking").member("data", View(block.opaque));
      break;
    case Block::tool_use:
      json.member("type", "tool_use").member("id", View(block.id));
      json.member("name", View(block.name)).key("input").raw("{}");
      break;
  }
  json.close('}');
  end_event();
}

void StreamedMessage::append_delta(View type, View member, View text) {
  JsonText& json = begin_block_event("content_block_delta").key("delta").open('{');
  json.member("type", type).member(member, text).close('}');
  end_event();
}

void StreamedMessage::add(const Block& block, View piece) {
  if (block.kind == Block::text) append_delta("text_delta", "text", piece);
  if (block.kind == Block::thinking) append_delta("thinking_delta", "thinking", piece);
  if (block.kind == Block::tool_use) append_delta("input_json_delta", "partial_json", piece);
}

void StreamedMessage::end(const Block& block) {
  if (block.kind == Block::thinking) append_delta("signature_delta", "signature", block.opaque);
  begin_block_event("content_block_stop");
  end_event();
}

Status StreamedMessage::send_end(View reason, const TokenCounts& tokens) {
  begin_message();
  JsonText& json = begin_event("message_delta").key("delta").open('{');
  append_stop(json, reason);
  json.close('}');
  append_usage(json, tokens, output_of(tokens));
  end_event();
  begin_event("message_stop");
  end_event();
  return events_.send(true);
}

Status StreamedMessage::fail(const Failure& failure) {
  events_.clear();  // what an event that could not be rendered has added
  append_error(events_.begin("error"), failure, x_.request_id());
  events_.end();
  return events_.send(true);
}

}  // namespace gatehouse::plugins::messages
