/// A message is a sequence of content blocks, each with a start, deltas and a stop, and each
/// becomes a block of its own. Kinds of events, blocks and deltas that are not known here are
/// ignored, as the API may add some. A thought goes back to the API byte for byte, so its
/// signature, or what stands in its place, travels as metadata of its block.
#include "response.h"

namespace gatehouse::plugins::anthropic {
namespace {

constexpr View kCounts[] = {"input_tokens", "output_tokens", "cache_read_input_tokens",
                            "cache_creation_input_tokens"};

UpstreamFailure by_type(View type, View message) {
  static constexpr std::pair<View, int> kTypes[] = {
      {"authentication_error", 401}, {"billing_error", 402},     {"permission_error", 403},
      {"not_found_error", 404},      {"request_too_large", 413}, {"rate_limit_error", 429},
      {"timeout_error", 504},        {"overloaded_error", 529},  {"invalid_request_error", 400}};
  if (message.find("prompt is too long") != View::npos) return failure_by_status(413);
  if (message.find("credit balance is too low") != View::npos) return failure_by_status(402);
  for (const auto& [name, status] : kTypes) {
    if (name == type) return failure_by_status(status);
  }
  return failure_by_status(500);
}

}  // namespace

UpstreamFailure failure_of(int http_status, Json body) {
  const Json error = body["error"];
  const View type = error["type"].str(), message = error["message"].str();
  if (http_status != 200) {
    const bool says_more = http_status == 400 && !type.empty();
    return says_more ? by_type(type, message) : failure_by_status(http_status);
  }
  UpstreamFailure failure = by_type(type, message);
  failure.detail = "in the stream: " + body.dump();
  return failure;
}

Status AnthropicResponse::read(const gh_sse_event& e) {
  const View data = trim(view(e.data));
  if (data.empty()) return {};
  auto parsed = Document::parse(data);
  if (!parsed || !parsed->root()["type"].is_string())
    return fail(malformed_response("an event is no JSON object with a type"));
  const Json event = parsed->root();
  const View type = event["type"].str();
  if (type == "error") return read_error(event);
  if (type == "ping") return {};
  has_begun_ = true;
  if (type == "message_start") read_message(event["message"]);
  if (type == "content_block_start") return begin_block(event);
  if (type == "content_block_delta") return read_delta(event);
  if (type == "content_block_stop") return end_block(event["index"].integer());
  if (type == "message_delta") {
    read_usage(event["usage"]);
    if (const View given = event["delta"]["stop_reason"].str(); !given.empty()) reason_ = given;
    const Json sequence = event["delta"]["stop_sequence"];
    if (sequence.is_string()) end_.root().edit("stop_sequence").set(sequence);
  }
  has_stopped_ = has_stopped_ || type == "message_stop";
  return {};
}

/// An overloaded API may report that in the first event of a response.
Status AnthropicResponse::read_error(Json event) {
  UpstreamFailure failure = failure_of(200, event);
  if (has_begun_ || event["error"]["type"].str() != "overloaded_error")
    failure.flags &= ~std::uint32_t{GH_FAIL_TRANSIENT};
  return fail(std::move(failure));
}

void AnthropicResponse::read_message(Json message) {
  set_about("id", message["id"].str());
  set_about("model", message["model"].str());
  read_usage(message["usage"]);
  count();
  hold_usage(usage_);
}

/// Each count replaces the one before.
void AnthropicResponse::read_usage(Json usage) {
  for (const View name : kCounts) {
    if (usage[name].is_integer()) counts_.root().edit(name).set(usage[name]);
  }
  set_usage("reasoning_tokens", usage["output_tokens_details"]["thinking_tokens"]);
}

Status AnthropicResponse::begin_block(Json event) {
  const Json content = event["content_block"];
  if (!content.is_object()) return fail(malformed_response("a block has no content"));
  const View type = content["type"].str();
  const std::int64_t index = event["index"].integer();
  if (Status s = end_block(index); !s) return s;  // of a server that sends no stop
  if (Status s = keep(kCallSize); !s) return s;
  Block block{{}, std::to_string(index)};
  if (type == "redacted_thinking") return emit_metadata(block, "redactedData", content["data"]);
  if (type == "text") block.kind = "text";
  if (type == "thinking") block.kind = "thinking";
  if (type == "tool_use") {
    block.kind = "tool_use";
    if (content["name"].str().empty()) return fail(malformed_response("a tool call has no name"));
    has_calls_ = true;
    block.call.emplace(ids_.take(content["id"].str()),
                       std::string(names_.tools.in(content["name"].str())));
    if (content["input"].size() > 0) block.whole_input = content["input"].dump();
    if (Status s = block.call->begin(step_); !s) return s;
  }
  if (Status s = emit_text(block, content[block.kind].str()); !s) return s;
  if (Status s = emit_metadata(block, "signature", content["signature"]); !s) return s;
  open_.insert_or_assign(index, std::move(block));
  return {};
}

Status AnthropicResponse::read_delta(Json event) {
  const Json delta = event["delta"];
  const auto found = open_.find(event["index"].integer());
  if (!delta.is_object()) return fail(malformed_response("a delta is no object"));
  if (found == open_.end()) return {};
  static constexpr std::pair<View, View> kMembers[] = {{"text_delta", "text"},
                                                       {"thinking_delta", "thinking"},
                                                       {"signature_delta", "signature"},
                                                       {"input_json_delta", "partial_json"}};
  Block& block = found->second;
  for (const auto& [type, member] : kMembers) {
    if (delta["type"].str() != type) continue;
    if (!delta[member].is_string()) return fail(malformed_response("a delta has no text"));
    if (member == "signature") return emit_metadata(block, member, delta[member]);
    if (member == block.kind) return emit_text(block, delta[member].str());
    if (!block.call) continue;
    if (Status s = keep(delta[member].str().size()); !s) return s;
    return block.call->add(step_, delta[member].str());
  }
  return {};
}

Status AnthropicResponse::end_block(std::int64_t index) {
  const auto found = open_.find(index);
  if (found == open_.end()) return {};
  Block block = std::move(found->second);
  open_.erase(found);
  if (!block.call) return {};
  if (block.call->is_empty()) {
    if (Status s = block.call->add(step_, block.whole_input); !s) return s;
  }
  return block.call->end(step_);
}

Status AnthropicResponse::emit_text(const Block& block, View text) {
  if (text.empty()) return {};
  const gh_event e = block.kind == "thinking" ? event::reasoning(text) : event::text(text);
  return step_.emit(Event(e).with_id(block.id));
}

Status AnthropicResponse::emit_metadata(const Block& block, View member, Json value) {
  if (value.str().empty()) return {};
  const Document metadata;
  metadata.root().edit("anthropic").edit(member).set(value);
  return step_.emit(Event(event::reasoning({}, metadata.root())).with_id(block.id));
}

Status AnthropicResponse::finish() {
  if (!has_stopped_ && reason_.empty())
    return fail(broken_response("the stream ended without message_stop and without stop_reason"));
  for (const auto& [index, block] : open_) {
    if (block.call) return fail(broken_response("a tool call was not completed"));
  }
  count();
  return emit_end(reason(), reason_, end_.root().is_object() ? Json(end_.root()) : Json());
}

/// In the gateway's words: input includes what the cache has, and what is written to it.
void AnthropicResponse::count() {
  const Json counts = counts_.root();
  if (!counts.is_object()) return;
  const auto tokens = [counts](View name) {
    const std::int64_t given = counts[name].integer();
    return TokenCounts::is_plausible(given) ? given : 0;
  };
  const std::int64_t read = tokens("cache_read_input_tokens");
  const std::int64_t written = tokens("cache_creation_input_tokens");
  const std::int64_t cached = as_ai_sdk_5_ ? 0 : read + written;
  const std::int64_t input = tokens("input_tokens") + cached;
  const std::int64_t output = tokens("output_tokens");
  usage_.set("input_tokens", input);
  usage_.set("output_tokens", output);
  usage_.set("total_tokens", input + output);
  if (read > 0) usage_.set("cached_input_tokens", read);
  if (written > 0) usage_.set("cache_write_tokens", written);
}

View AnthropicResponse::reason() const {
  if (reason_ == "tool_use") return "tool-calls";
  if (reason_ == "end_turn" || reason_ == "stop_sequence" || reason_ == "pause_turn")
    return has_calls_ ? "tool-calls" : "stop";
  if (reason_ == "max_tokens" || reason_ == "model_context_window_exceeded") return "length";
  return reason_ == "refusal" ? "content-filter" : "other";
}

}  // namespace gatehouse::plugins::anthropic
