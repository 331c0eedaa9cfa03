#include "response.h"

#include "gatehouse/document.hpp"
#include "gatehouse/events.hpp"

namespace acme::openai {
namespace {

using namespace std::chrono_literals;

Fail upstream_failure(std::string code, std::string detail) {
  return {502,
          std::move(code),
          "The model's server did not complete its response; try again.",
          std::move(detail),
          0s,
          GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM};
}

View reason_of(View finish_reason) {
  if (finish_reason == "stop" || finish_reason == "length") return finish_reason;
  if (finish_reason == "content_filter") return "content-filter";
  if (finish_reason == "tool_calls" || finish_reason == "function_call") return "tool-calls";
  return "other";
}

/// In the gateway's words. This API counts as the gateway does: cached tokens are input, reasoning
/// is output.
Document counts(Json usage) {
  Document document;
  const auto copy = [&](View name, Json count) {
    if (count.is_integer()) document.root().edit(name).set(count);
  };
  copy("input_tokens", usage["prompt_tokens"]);
  copy("output_tokens", usage["completion_tokens"]);
  copy("total_tokens", usage["total_tokens"]);
  copy("cached_input_tokens", usage["prompt_tokens_details"]["cached_tokens"]);
  copy("reasoning_tokens", usage["completion_tokens_details"]["reasoning_tokens"]);
  return document;
}

}  // namespace

Status Response::read(View text) {
  auto parsed = Document::parse(text);
  if (!parsed) return upstream_failure("upstream_malformed", "a chunk is not JSON");
  const Json chunk = parsed->root();
  if (chunk["error"]) return upstream_failure("upstream_error", chunk["error"]["code"].dump());
  if (Status s = begin(chunk); !s) return s;
  const Json choice = chunk["choices"].at(0);
  if (Status s = read_delta(choice["delta"]); !s) return s;
  if (const View reason = choice["finish_reason"].str(); !reason.empty()) {
    if (Status s = finish(reason); !s) return s;
  }
  if (!chunk["usage"].is_object()) return {};
  return out_.emit(event::usage(counts(chunk["usage"]).root()));
}

Status Response::end() const {
  if (is_finished_) return {};
  return upstream_failure("upstream_broken", "the stream ended without finish_reason");
}

Status Response::begin(Json chunk) {
  if (has_begun_) return {};
  has_begun_ = true;
  if (Status s = out_.emit(event::step_start()); !s) return s;
  Document about;
  about.root().edit("id").set(chunk["id"]);
  about.root().edit("model").set(chunk["model"]);
  return out_.emit(event::response(about.root()));
}

Status Response::read_delta(Json delta) {
  // The servers that speak this API have two names for reasoning, and one for a refusal.
  for (const View name : {"reasoning_content", "reasoning", "content", "refusal"}) {
    const View text = delta[name].str();
    if (text.empty()) continue;
    const bool is_reasoning = name.substr(0, 9) == "reasoning";
    Status s = out_.emit(is_reasoning ? event::reasoning(text) : event::text(text));
    if (!s) return s;
  }
  for (const Json piece : delta["tool_calls"]) {
    if (Status s = read_call(piece); !s) return s;
  }
  return {};
}

Status Response::read_call(Json piece) {
  const auto [at, is_new] = calls_.try_emplace(piece["index"].integer());
  Call& call = at->second;
  if (is_new) {
    call.id = piece["id"].str();
    call.name = piece["function"]["name"].str();
    if (Status s = out_.emit(event::tool_input_start(call.id, call.name)); !s) return s;
  }
  const View arguments = piece["function"]["arguments"].str();
  call.arguments += arguments;
  return arguments.empty() ? Status() : out_.emit(event::tool_input_delta(call.id, arguments));
}

Status Response::finish(View reason) {
  if (is_finished_) return {};
  is_finished_ = true;
  for (const auto& [index, call] : calls_) {
    if (Status s = emit_call(call); !s) return s;
  }
  gh_event e = event::step_finish(reason_of(reason));
  e.text = raw(reason);
  return out_.emit(e);
}

Status Response::emit_call(const Call& call) {
  auto input = Document::parse(call.arguments.empty() ? View("{}") : View(call.arguments));
  if (input && input->root().is_object())
    return out_.emit(event::tool_call(call.id, call.name, input->root()));
  Document text;
  text.root().set(View(call.arguments));
  return out_.emit(event::tool_call_error(call.id, call.name, text.root(),
                                          "the arguments are not a JSON object"));
}

}  // namespace acme::openai
