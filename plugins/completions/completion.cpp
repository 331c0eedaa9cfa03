/// The id, the time and the model are the same in all chunks of a response, so they are written
/// once, with the first event: by then the plugins below have chosen the model. Sources, files and
/// data have no place in this API and are left out.
#include "completion.h"

#include <algorithm>
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

/// Of a complete call. Arguments that are not JSON are their own text.
std::string arguments_of(Event e) {
  const bool is_broken = e.kind() == GH_EV_TOOL_CALL_ERROR && e.json().is_string();
  return is_broken ? std::string(e.json().str()) : e.json().dump();
}

/// The members of a call, up to its arguments. Google's signature also stands where Google's own
/// endpoint for OpenAI's clients puts it.
void write_call(const Form& form, Event e, View arguments, JsonText& json) {
  json.member("id", View(form.ids.id_for_client(form.x, e.id(), e.metadata())));
  json.member("type", "function").key("function").open('{');
  json.member("name", e.name()).member("arguments", arguments).close('}');
  const View signature = e.metadata()["google"]["thoughtSignature"].str();
  if (signature.empty()) return;
  json.key("extra_content").open('{').key("google").open('{');
  json.member("thought_signature", signature).close('}').close('}');
}

}  // namespace

Status Completion::emit(Event e) {
  if (head_.empty() && e.kind() == GH_EV_STEP_START) head_ = head_of(form_, "chat.completion");
  if (e.kind() == GH_EV_TEXT) text_.append(e.text());
  if (e.kind() == GH_EV_REASONING && form_.send_reasoning) reasoning_.append(e.text());
  if (e.kind() == GH_EV_TOOL_CALL || e.kind() == GH_EV_TOOL_CALL_ERROR) {
    JsonText json(calls_);
    json.open('{');
    write_call(form_, e, arguments_of(e), json);
    json.close('}');
  }
  if (text_.size() + reasoning_.size() + calls_.size() <= kMostBytes) return {};
  return Fail{502,
              "response_too_large",
              "The response is too long to be sent as one piece: stream it.",
              {}};
}

Status Completion::finish(View reason, const ModelResponse& response) {
  std::string body = std::move(head_);
  JsonText json(body);
  json.key("choices").open('[').open('{').member("index", std::int64_t{0});
  json.key("message").open('{').member("role", "assistant").key("content");
  if (text_.empty() && !calls_.empty()) {
    json.raw("null");
  } else {
    json.value(View(text_));
  }
  json.key("refusal").raw("null");
  if (!reasoning_.empty()) json.member("reasoning_content", View(reasoning_));
  if (!calls_.empty()) json.key("tool_calls").open('[').raw(calls_).close(']');
  json.close('}').key("logprobs").raw("null").member("finish_reason", finish_word(reason));
  json.close('}').close(']').key("usage");
  write_usage(response.tokens(), json);
  json.close('}');
  return form_.x.reply(out_, 200, "application/json", body);
}

Chunks::Chunks(const Form& form, Sink& out, bool include_usage)
    : form_(form), stream_(out), include_usage_(include_usage) {
  EventStream::write_head(form_.x);
}

Status Chunks::emit(Event e) {
  switch (e.kind()) {
    case GH_EV_TEXT: write_text("content", e.text()); break;
    case GH_EV_REASONING:
      if (form_.send_reasoning) write_text("reasoning_content", e.text());
      break;
    case GH_EV_TOOL_INPUT_START: start_call(e); break;
    case GH_EV_TOOL_INPUT_DELTA: write_arguments(index_of(e.id()), e.text()); break;
    case GH_EV_TOOL_CALL:
    case GH_EV_TOOL_CALL_ERROR: write_rest_of_call(e); break;
  }
  return stream_.is_empty() ? Status() : stream_.send();
}

void Chunks::write_text(View member, View text) {
  if (text.empty()) return;
  begin_delta().member(member, text);
  end_delta();
}

std::size_t Chunks::start_call(Event e) {
  const std::size_t index = calls_.size();
  calls_.push_back({std::string(e.id()), false});
  JsonText& json = begin_delta().key("tool_calls").open('[').open('{');
  json.member("index", static_cast<std::int64_t>(index));
  write_call(form_, e, {}, json);
  json.close('}').close(']');
  end_delta();
  return index;
}

void Chunks::write_arguments(std::size_t index, View text) {
  if (text.empty()) return;
  calls_[index].has_arguments = true;
  JsonText& json = begin_delta().key("tool_calls").open('[').open('{');
  json.member("index", static_cast<std::int64_t>(index));
  json.key("function").open('{').member("arguments", text).close('}').close('}').close(']');
  end_delta();
}

/// Of a provider that does not stream its arguments.
void Chunks::write_rest_of_call(Event e) {
  std::size_t index = index_of(e.id());
  if (index == calls_.size()) index = start_call(e);
  if (!calls_[index].has_arguments) write_arguments(index, arguments_of(e));
}

/// calls_.size(): it has not begun. From the end: ids may repeat in a later step.
std::size_t Chunks::index_of(View id) const {
  const auto call =
      std::find_if(calls_.rbegin(), calls_.rend(), [id](const Call& c) { return c.id == id; });
  return call == calls_.rend() ? calls_.size() : static_cast<std::size_t>(calls_.rend() - call) - 1;
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

Status Chunks::finish(View reason, const ModelResponse& response) {
  begin_delta();
  end_delta(finish_word(reason));
  if (include_usage_) {
    JsonText& json = stream_.begin().raw(View(head_).substr(0, before_choices_));
    json.key("choices").open('[').close(']').key("usage");
    write_usage(response.tokens(), json);
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
