/// The id, the time and the model are the same in all chunks of a response, so they are written
/// once, with the first event: by then the plugins below have chosen the model. Sources, files and
/// data have no place in this API and are left out.
#include "completion.h"

#include <chrono>

#include "gatehouse/toolkit/fresh_id.hpp"
#include "gatehouse/toolkit/openai_error.hpp"

namespace gatehouse::plugins::completions {
namespace {

// Of a response that is sent as one piece: far beyond what models write.
constexpr std::size_t kMostBytes = std::size_t{16} << 20;

/// The first members of an object of this kind.
std::string head_of(const Form& form, View kind) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(form.host.wall());
  std::string head;
  JsonText(head)
      .open('{')
      .member("id", View("chatcmpl-" + fresh_id()))
      .member("object", kind)
      .member("created", std::int64_t{now.count()})
      .member("model", form.x.chat()["model"].str());
  return head;
}

View finish_word(View reason) {
  if (reason == "length") return "length";
  if (reason == "tool-calls") return "tool_calls";
  return reason == "content-filter" ? "content_filter" : "stop";
}

void write_usage(const TokenCounts& tokens, JsonText& json) {
  const auto count = [&tokens](View name) { return tokens[name].value_or(0); };
  json.open('{').member("prompt_tokens", count("input_tokens"));
  json.member("completion_tokens", count("output_tokens"));
  json.member("total_tokens", count("input_tokens") + count("output_tokens"));
  json.key("prompt_tokens_details").open('{');
  json.member("cached_tokens", count("cached_input_tokens")).close('}');
  json.key("completion_tokens_details").open('{');
  json.member("reasoning_tokens", count("reasoning_tokens")).close('}').close('}');
}

/// The members of a call, up to its arguments.
void write_call(Event e, View arguments, JsonText& json) {
  json.member("id", e.id()).member("type", "function").key("function").open('{');
  json.member("name", e.name()).member("arguments", arguments).close('}');
}

View signature_of(Event e) { return e.metadata()["google"]["thoughtSignature"].str(); }

/// The signature is in the id; here, it stands where Google's own endpoint for OpenAI's clients
/// puts it.
void write_extra(View signature, JsonText& json) {
  json.key("extra_content").open('{').key("google").open('{');
  json.member("thought_signature", signature).close('}').close('}');
}

}  // namespace

Status ApiResponse::emit(Event e) {
  if (Status status = calls_.emit(e); !status) return status;
  return flush();
}

Status ApiResponse::finish(View reason, const ModelResponse& response) {
  if (Status status = calls_.end(reason); !status) return status;
  return send_end(finish_word(reason), response.tokens());
}

void Completion::write(Event e) {
  switch (e.kind()) {
    case GH_EV_STEP_START:
      if (head_.empty()) head_ = head_of(form_, "chat.completion");
      break;
    case GH_EV_TEXT: text_.append(e.text()); break;
    case GH_EV_REASONING:
      if (form_.send_reasoning) reasoning_.append(e.text());
      break;
    case GH_EV_TOOL_CALL: {
      JsonText json(tool_calls_);
      json.open('{');
      write_call(e, e.json().dump(), json);
      if (const View signature = signature_of(e); !signature.empty()) write_extra(signature, json);
      json.close('}');
    }
  }
}

Status Completion::flush() {
  if (text_.size() + reasoning_.size() + tool_calls_.size() <= kMostBytes) return {};
  return Fail{502,
              "response_too_large",
              "The response is too long to be sent as one piece: stream it.",
              {}};
}

Status Completion::send_end(View finish_reason, const TokenCounts& tokens) {
  // Empty for a model that has said nothing at all.
  std::string body = head_.empty() ? head_of(form_, "chat.completion") : std::move(head_);
  JsonText json(body);
  json.key("choices").open('[').open('{').member("index", std::int64_t{0});
  json.key("message").open('{').member("role", "assistant").key("content");
  if (text_.empty() && !tool_calls_.empty()) {
    json.raw("null");
  } else {
    json.value(View(text_));
  }
  json.key("refusal").raw("null");
  if (!reasoning_.empty()) json.member("reasoning_content", View(reasoning_));
  if (!tool_calls_.empty()) json.key("tool_calls").open('[').raw(tool_calls_).close(']');
  json.close('}').key("logprobs").raw("null").member("finish_reason", finish_reason);
  json.close('}').close(']').key("usage");
  write_usage(tokens, json);
  json.close('}');
  return form_.x.reply(out_, 200, "application/json", body);
}

Chunks::Chunks(const Form& form, Sink& out, bool include_usage)
    : ApiResponse(form), stream_(out), include_usage_(include_usage) {
  EventStream::write_head(form_.x);
}

void Chunks::write(Event e) {
  switch (e.kind()) {
    case GH_EV_TEXT: write_text("content", e.text()); break;
    case GH_EV_REASONING:
      if (form_.send_reasoning) write_text("reasoning_content", e.text());
      break;
    case GH_EV_TOOL_INPUT_START: start_call(e); break;
    case GH_EV_TOOL_INPUT_DELTA: write_arguments(e.text()); break;
    case GH_EV_TOOL_CALL: write_signature(e); break;
  }
}

void Chunks::write_text(View member, View text) {
  if (text.empty()) return;
  begin_delta().member(member, text);
  end_delta();
}

void Chunks::start_call(Event e) {
  ++call_;
  write_call(e, {}, begin_call_delta());
  end_call_delta();
}

void Chunks::write_arguments(View piece) {
  begin_call_delta().key("function").open('{').member("arguments", piece).close('}');
  end_call_delta();
}

void Chunks::write_signature(Event e) {
  const View signature = signature_of(e);
  if (signature.empty()) return;
  // Some clients reject a delta without the function.
  JsonText& json = begin_call_delta();
  json.key("function").open('{').member("arguments", "").close('}');
  write_extra(signature, json);
  end_call_delta();
}

JsonText& Chunks::begin_delta() {
  const bool is_first = head_.empty();
  if (is_first) {
    head_ = head_of(form_, "chat.completion.chunk");
    before_choices_ = head_.size();
    JsonText(head_).key("choices").open('[').open('{').member("index", std::int64_t{0});
    begin_delta().member("role", "assistant").member("content", "").key("refusal").raw("null");
    end_delta();
  }
  return stream_.begin().raw(head_).key("delta").open('{');
}

JsonText& Chunks::begin_call_delta() {
  return begin_delta().key("tool_calls").open('[').open('{').member("index", call_);
}

void Chunks::end_call_delta() {
  stream_.json().close('}').close(']');
  end_delta();
}

void Chunks::end_delta(View finish_reason) {
  JsonText& json = stream_.json();
  json.close('}').key("finish_reason");
  if (finish_reason.empty()) {
    json.raw("null");
  } else {
    json.value(finish_reason);
  }
  json.close('}').close(']');
  if (include_usage_) json.key("usage").raw("null");
  json.close('}');
  stream_.end();
}

Status Chunks::send_end(View finish_reason, const TokenCounts& tokens) {
  begin_delta();
  end_delta(finish_reason);
  if (include_usage_) {
    JsonText& json = stream_.begin().raw(View(head_).substr(0, before_choices_));
    json.key("choices").open('[').close(']').key("usage");
    write_usage(tokens, json);
    json.close('}');
    stream_.end();
  }
  stream_.append("data: [DONE]\n\n");
  return stream_.send(true);
}

Status Chunks::fail(const Failure& failure) {
  stream_.clear();  // the chunk of an event that could not be sent
  stream_.begin().raw(openai_error(failure));
  stream_.end();
  return stream_.send(true);
}

}  // namespace gatehouse::plugins::completions
