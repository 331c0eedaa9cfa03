/// Servers of this API disagree about nearly all of a chunk: where token counts stand, what
/// reasoning is called, how calls are divided and named, and how a stream ends. Each chunk is read
/// in this order: error, counts, finish_reason, reasoning, text, sources, calls. Calls are complete
/// when the stream is.
#include "response.h"

namespace gatehouse::plugins::openai {
namespace {

bool is_one_of(View text, std::initializer_list<View> known) {
  return std::find(known.begin(), known.end(), text) != known.end();
}

/// Absent, null, or of this type.
bool may_be(Json value, int type) { return value.is_null() || value.type() == type; }

/// An error stands in `error`, is the body itself (old vLLM), or is a text (Ollama).
struct ApiError {
  explicit ApiError(Json body) {
    const Json error = body["error"].is_object() ? body["error"] : body;
    code = error["code"].str(error["type"].str());
    message = body["error"].str(error["message"].str());
    is_moderated = error["metadata"]["reasons"].size() > 0;
    status = error["code"].integer(error["status"].integer(500));
  }
  View code, message;
  bool is_moderated;  // by OpenRouter
  std::int64_t status;
};

bool has(View text, View words) { return text.find(words) != View::npos; }

std::optional<UpstreamFailure> by_code(const ApiError& error) {
  if (is_one_of(error.code, {"insufficient_quota", "billing_hard_limit_reached"})) {
    return upstream_failure(
        GH_DEGRADED, "the quota of the account is used up: raise it, or add credit",
        upstream_failure(429, "upstream_quota_used_up",
                         "The gateway's quota for this model is used up; choose another one."));
  }
  if (error.code == "context_length_exceeded" || has(error.message, "maximum context length"))
    return failure_by_status(413);
  if (error.is_moderated || is_one_of(error.code, {"content_filter", "content_policy_violation"})) {
    return upstream_failure(400, "content_filter",
                            "The provider's content filter rejects this conversation.");
  }
  if (error.code == "model_not_found") return failure_by_status(404);
  return std::nullopt;
}

}  // namespace

UpstreamFailure failure_of(int http_status, Json body) {
  const ApiError error(body);
  if (auto failure = by_code(error)) return std::move(*failure);
  if (http_status != 200) return failure_by_status(http_status);
  UpstreamFailure failure = failure_by_status(static_cast<int>(error.status));
  failure.detail = "in the stream: " + body.dump();
  failure.flags &= ~std::uint32_t{GH_FAIL_TRANSIENT};  // the response had begun
  return failure;
}

Status OpenAiResponse::read(const gh_sse_event& e) {
  const View data = trim(view(e.data));
  if (data.empty()) return {};
  if (data == "[DONE]") {
    is_done_ = true;
    return {};
  }
  auto parsed = Document::parse(data);
  if (!parsed || !parsed->root().is_object())
    return fail(malformed_response("a chunk is no JSON object"));
  const Json chunk = parsed->root(), choices = chunk["choices"], choice = choices.at(0);
  if (!chunk["error"].is_null()) return fail(failure_of(200, chunk));
  if (view(e.event) == "error" || chunk["object"].str() == "error")
    return fail(failure_of(200, chunk));
  const bool has_meaning = choices.is_array() || chunk["usage"].is_object() ||
                           chunk["object"].str() == "chat.completion.chunk";
  if (!has_meaning || !may_be(choices, GH_ARRAY) || !may_be(choice, GH_OBJECT) ||
      !may_be(choice["delta"], GH_OBJECT))
    return fail(malformed_response("a chunk has another shape than a chat.completion.chunk"));

  set_about("id", chunk["id"].str());
  set_about("model", chunk["model"].str());
  read_usage(chunk["usage"].is_object() ? chunk["usage"] : choice["usage"]);
  if (const View reason = choice["finish_reason"].str(); !reason.empty()) reason_ = reason;
  return read_delta(choice["delta"]);
}

/// The last counts stand for all. This API counts as the gateway does: cached tokens are input,
/// reasoning is output.
void OpenAiResponse::read_usage(Json usage) {
  if (!usage.is_object()) return;
  set_usage("input_tokens", usage["prompt_tokens"]);
  set_usage("output_tokens", usage["completion_tokens"]);
  set_usage("total_tokens", usage["total_tokens"]);
  set_usage("cached_input_tokens", usage["prompt_tokens_details"]["cached_tokens"]);
  set_usage("reasoning_tokens", usage["completion_tokens_details"]["reasoning_tokens"]);
}

Status OpenAiResponse::read_delta(Json delta) {
  const View names[] = {"reasoning_content", "reasoning"};  // both are one thought
  View thought = delta[names[0]].str();
  if (thought.empty()) thought = delta[names[1]].str();
  if (!thought.empty()) {
    if (Status s = step_.emit(event::reasoning(thought)); !s) return s;
  }
  if (Status s = read_content(delta["content"]); !s) return s;
  if (const View refusal = delta["refusal"].str(); !refusal.empty()) {
    has_refused_ = true;
    if (Status s = step_.emit(event::text(refusal)); !s) return s;
  }
  if (Status s = read_sources(delta["annotations"]); !s) return s;
  return read_calls(delta["tool_calls"]);
}

/// A string, or Mistral's list of texts and thoughts.
Status OpenAiResponse::read_content(Json content) {
  if (content.is_null()) return {};
  if (!content.is_string() && !content.is_array())
    return fail(malformed_response("a text is not a string"));
  if (const View text = content.str(); !text.empty()) return step_.emit(event::text(text));
  std::string thoughts, texts;
  for (const Json part : content) {
    for (const Json thought : part["thinking"]) thoughts.append(thought["text"].str());
    if (part["type"].str() == "text") texts.append(part["text"].str());
  }
  if (!thoughts.empty()) {
    if (Status s = step_.emit(event::reasoning(thoughts)); !s) return s;
  }
  return texts.empty() ? Status() : step_.emit(event::text(texts));
}

Status OpenAiResponse::read_sources(Json annotations) {
  for (const Json annotation : annotations) {
    const Json citation = annotation["url_citation"];
    const View url = citation["url"].str();
    if (annotation["type"].str() != "url_citation" || url.empty()) continue;
    if (Status s = step_.emit(event::source(fresh_id(), url, citation["title"].str())); !s)
      return s;
  }
  return {};
}

Status OpenAiResponse::read_calls(Json pieces) {
  if (!may_be(pieces, GH_ARRAY)) return fail(malformed_response("tool_calls is not a list"));
  std::int64_t position = 0;
  for (const Json piece : pieces) {
    if (Status s = read_call(piece, piece["index"].integer(position++)); !s) return s;
  }
  return {};
}

Status OpenAiResponse::read_call(Json piece, std::int64_t index) {
  const std::size_t calls_before = calls_.size();
  Call& call = call_of(piece, index);
  const Json function = piece["function"];
  const bool is_new = calls_.size() > calls_before;
  if (Status s = keep(function["arguments"].str().size() + (is_new ? kCallSize : 0)); !s) return s;
  if (call.given_id.empty()) call.given_id = piece["id"].str();
  if (piece["extra_content"].is_object()) call.extra.root().set(piece["extra_content"]);
  const View name = function["name"].str(), arguments = function["arguments"].str();
  if (!call.text && name.empty()) {
    call.early.append(arguments);
    return {};
  }
  if (!call.text) {
    call.name = names_.tools.in(name);
    if (Status s = begin_call(call); !s) return s;
  }
  return call.text->add(step_, arguments);
}

/// A piece belongs to the open call of its index, unless it begins another one: some servers send
/// each call with the index 0.
OpenAiResponse::Call& OpenAiResponse::call_of(Json piece, std::int64_t index) {
  const View id = piece["id"].str();
  const auto open = open_.find(index);
  if (open != open_.end()) {
    Call& call = calls_[open->second];
    const bool has_other_id = !id.empty() && !call.given_id.empty() && id != call.given_id;
    const bool begins_value = !piece["function"]["name"].str().empty() &&
                              trim(piece["function"]["arguments"].str()).substr(0, 1) == "{";
    if (!has_other_id && !(begins_value && call.text && call.text->is_whole())) return call;
  }
  open_[index] = calls_.size();
  return calls_.emplace_back(Call{index, {}, {}, {}});
}

/// Its name has come.
Status OpenAiResponse::begin_call(Call& call) {
  call.text.emplace(ids_.take(call.given_id), call.name);
  if (Status s = call.text->begin(step_); !s) return s;
  return call.text->add(step_, call.early);
}

Status OpenAiResponse::finish() {
  if (!is_done_ && reason_.empty())
    return fail(broken_response("the stream ended without finish_reason and without [DONE]"));
  std::stable_sort(calls_.begin(), calls_.end(),
                   [](const Call& a, const Call& b) { return a.index < b.index; });
  for (const Call& call : calls_) {
    if (!call.text) return fail(malformed_response("a tool call has no name"));
    const Document metadata;
    if (call.extra.root().is_object())
      metadata.root().edit("openai").edit("extraContent").set(Json(call.extra.root()));
    if (Status s = call.text->end(step_, call.extra.root().is_object() ? metadata.root() : Json());
        !s)
      return s;
  }
  return emit_end(reason(), reason_);
}

View OpenAiResponse::reason() const {
  if (reason_ == "stop") {
    if (!calls_.empty()) return "tool-calls";
    return has_refused_ ? "content-filter" : "stop";
  }
  if (reason_ == "tool_calls" || reason_ == "function_call") return "tool-calls";
  if (reason_ == "content_filter") return "content-filter";
  return reason_ == "length" ? "length" : "other";
}

}  // namespace gatehouse::plugins::openai
