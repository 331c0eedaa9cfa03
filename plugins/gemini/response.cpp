/// Each event of the stream is checked for its shape, then read in this order: counts, what Gemini
/// reports about the response, sources, parts. Calls come behind the text of their event, since
/// pages show them in this order. finish() decides by the finishReason and by what has been emitted
/// how the step ends, or that there was no response.
#include "response.h"

#include <algorithm>

#include "api_json.h"
#include "gatehouse/toolkit/contains.hpp"
#include "gatehouse/toolkit/conversation.hpp"
#include "gatehouse/toolkit/fresh_id.hpp"

namespace gatehouse::plugins::gemini {
namespace {

constexpr std::size_t kMaxServerCalls = 100;  // that wait for their result

Json root_of(const std::optional<Document>& document) {
  return document ? Json(document->root()) : Json();
}

/// A signature goes back to Gemini with the part it came with, so it travels as metadata.
std::optional<Document> metadata_of(const Part& part) {
  if (part.signature.str().empty()) return std::nullopt;
  std::optional<Document> metadata(std::in_place);
  metadata->root().edit("google").edit("thoughtSignature").set(part.signature);
  return metadata;
}

/// The arguments of a call: some models write them as JSON text, and leave them out where there are
/// none.
Document arguments_of(Json call) {
  const Json args = call["args"];
  Document arguments;
  arguments.root().set_object();
  if (args.is_null()) return arguments;
  if (args.is_string()) {
    if (auto parsed = Document::parse(args.str())) return std::move(*parsed);
  }
  arguments.root().set(args);
  return arguments;
}

bool ends_with_results(Json messages) {
  Json last;
  for (const Json message : messages) last = message;
  return last["role"].str() == "tool";
}

}  // namespace

GeminiResponse::GeminiResponse(Sink& out, const Unhonoured& unhonoured, const Question& question)
    : ModelStream(out, unhonoured),
      question_(question),
      counts_(question.as_ai_sdk_5),
      continuation_(question.max_hops) {
  ending_.after_result = ends_with_results(question.messages);
  ending_.tried_before = question.tried_before;
  ending_.max_output_tokens = question.max_output_tokens;
}

Status GeminiResponse::read(const gh_sse_event& e) {
  if (question_.as_ai_sdk_5) {
    if (Status s = step_.begin(); !s) return s;
  }
  const auto has_type = [](Json value, int type) {
    return value.is_null() || value.type() == type;
  };
  auto document = Document::parse(view(e.data));
  if (!document) return fail(malformed("an event is not JSON"));
  const Json response = document->root();
  const Chunk chunk(response);
  const Json first = chunk.candidates.at(0);
  const Candidate candidate(first);
  if (!response.is_object() || !has_type(chunk.candidates, GH_ARRAY) ||
      !has_type(first, GH_OBJECT) || !has_type(candidate.content, GH_OBJECT) ||
      !has_type(candidate.parts, GH_ARRAY)) {
    return fail(malformed("an event has another shape than a GenerateContentResponse"));
  }
  if (!chunk.error.is_null()) {
    UpstreamFailure failure = failure_of(200, response);
    rejected_ = repairable(failure, chunk.error["message"].str());
    return fail(std::move(failure));
  }
  counts_.read(chunk.usage);
  if (!has_begun() && candidate.reason.is_null()) hold_usage(counts_.counts());
  read_report(chunk, candidate);
  continuation_.read(chunk, candidate);
  if (is_slip(candidate)) return {};
  if (Status s = sources_.read(candidate, step_); !s) return s;
  return read_parts(candidate);
}

/// No page is to act on a call that Gemini itself did not expect while the request can be made
/// again. Calls of backend tools are checked before they run, and the model gets the error.
bool GeminiResponse::is_slip(const Candidate& candidate) const {
  if (question_.as_ai_sdk_5 || report_.reason != "UNEXPECTED_TOOL_CALL" || has_begun() ||
      ending_.tried_before)
    return false;
  for (const Json part : candidate.parts) {
    const View name = Part(part).call["name"].str();
    if (!name.empty() && !contains(question_.backend_tools, question_.names.in(name))) return true;
  }
  return false;
}

/// What Gemini reports about the response. The last report counts.
void GeminiResponse::read_report(const Chunk& chunk, const Candidate& candidate) {
  const auto read = [](std::string& to, Json value) {
    constexpr std::size_t kLongest = 500;  // a finishMessage may quote a whole call
    const View text = cut_utf8(value.str(), kLongest);
    if (!text.empty() && text != to) to = text;  // most events repeat it
  };
  read(report_.model, chunk.model);
  read(report_.id, chunk.id);
  read(report_.reason, candidate.reason);
  read(report_.message, candidate.message);
  read(report_.stage, chunk.status["modelStage"]);
  read(report_.retires, chunk.status["retirementTime"]);
  const View block = chunk.feedback["blockReason"].str();
  ending_.blocked = ending_.blocked || !(block.empty() || block == "BLOCK_REASON_UNSPECIFIED" ||
                                         block == "BLOCKED_REASON_UNSPECIFIED");
}

Status GeminiResponse::read_parts(const Candidate& candidate) {
  std::vector<Part> calls;
  // A model that calls tools by their bare names means another tool by a name with a namespace.
  bool namespaces = true;
  for (const Json each : candidate.parts) {
    const Part part(each);
    if (Status s = read_part(part); !s) return s;
    if (part.call.is_null()) continue;
    calls.push_back(part);
    namespaces = namespaces && !question_.names.offered(part.call["name"].str());
  }
  for (const Part& part : calls) {
    if (Status s = read_call(part, namespaces); !s) return s;
  }
  return {};
}

Status GeminiResponse::read_part(const Part& part) {
  if (!part.text.is_null()) return read_text(part);
  if (const View data = part.file["data"].str(); !data.empty()) {
    if (part.thought.boolean()) return {};  // a draft of the model
    ending_.has_content = true;
    const auto metadata = metadata_of(part);
    return step_.emit(event::file(part.file["mimeType"].str(), data, root_of(metadata)));
  }
  if (part.code.is_object() || part.code_result.is_object()) return read_code(part);
  if (part.server_call.is_object() || part.server_response.is_object())
    return read_server_call(part);
  return {};  // a call, or a kind of part that is newer than this code
}

Status GeminiResponse::read_text(const Part& part) {
  if (!part.text.is_string()) return fail(malformed("a text is not a string"));
  const View text = part.text.str();
  const bool is_thought = part.thought.boolean();
  auto metadata = metadata_of(part);
  if (text.empty() && !metadata) return {};
  if (text.empty() && !has_begun()) {
    step_.hold(is_thought ? GH_EV_REASONING : GH_EV_TEXT, std::move(*metadata));
    return {};
  }
  if (is_thought) return step_.emit(event::reasoning(text, root_of(metadata)));
  ending_.has_content = ending_.has_content || !is_blank(text);
  return step_.emit(event::text(text, root_of(metadata)));
}

Status GeminiResponse::read_code(const Part& part) {
  if (part.code.is_object()) {
    ending_.has_content = ending_.code = true;
    code_id_ = fresh_id();
    const auto metadata = metadata_of(part);
    return step_.emit(event::tool_call(code_id_, "code_execution", part.code, root_of(metadata),
                                       GH_PROVIDER_EXECUTED));
  }
  if (code_id_.empty()) return {};
  return step_.emit(event::tool_output(code_id_, part.code_result, GH_PROVIDER_EXECUTED));
}

Status GeminiResponse::read_call(const Part& part, bool namespaces) {
  const View given = part.call["name"].str();
  if (given.empty()) return fail(malformed("a function call has no name"));
  const View name = question_.names.in(given, namespaces);
  ending_.has_content = ending_.calls = true;
  if (Status s = keep(kCallSize); !s) return s;

  const std::string id = take_id(part.call);
  const Document document = arguments_of(part.call);
  const Json value = document.root()["value"];
  const Json arguments = value && question_.names.wraps(name) ? value : Json(document.root());
  const auto metadata = metadata_of(part);
  if (Status s = step_.emit(event::tool_input_start(id, name)); !s) return s;
  if (Status s = step_.emit(event::tool_input_delta(id, arguments.dump())); !s) return s;
  return step_.emit(event::tool_call(id, name, arguments, root_of(metadata)));
}

/// Calls of Google's tools and their results have to go back as they came, so a call waits for its
/// result and carries both as metadata.
Status GeminiResponse::read_server_call(const Part& part) {
  if (part.server_call.is_object()) {
    if (server_calls_.size() < kMaxServerCalls) server_calls_.emplace_back().root().set(part.whole);
    return {};
  }
  const View id = part.server_response["id"].str();
  for (std::size_t i = 0; i < server_calls_.size(); ++i) {
    if (Part(server_calls_[i].root()).server_call["id"].str() == id)
      return flush_server_call(i, part);
  }
  return {};
}

/// `response`: the part with the result; empty: there is none.
Status GeminiResponse::flush_server_call(std::size_t index, const Part& response) {
  const Document held = std::move(server_calls_[index]);
  server_calls_.erase(server_calls_.begin() + static_cast<std::ptrdiff_t>(index));
  const Json call = Part(held.root()).server_call;
  Document metadata, none;
  metadata.root().edit("google").edit("toolCall").set(Json(held.root()));
  if (response.whole) metadata.root().edit("google").edit("toolResponse").set(response.whole);
  none.root().set_object();

  const std::string id = take_id(call), name = "server:" + std::string(call["toolType"].str());
  const Json input = call["args"] ? call["args"] : Json(none.root());
  if (Status s =
          step_.emit(event::tool_call(id, name, input, metadata.root(), GH_PROVIDER_EXECUTED));
      !s)
    return s;
  if (!response.whole) return {};
  const Json output = response.server_response["response"];
  return step_.emit(
      event::tool_output(id, output ? output : Json(none.root()), GH_PROVIDER_EXECUTED));
}

std::string GeminiResponse::take_id(Json call) {
  if (!ids_) ids_.emplace(question_.messages);
  return ids_->take(call["id"].str());
}

std::optional<std::chrono::nanoseconds> GeminiResponse::continues() {
  if (!continuation_.continues()) return std::nullopt;
  counts_.begin_request();
  return std::chrono::seconds(continuation_.stalls() ? 1 : 0);
}

Status GeminiResponse::finish() {
  ending_.reason = report_.reason;
  if (question_.as_ai_sdk_5) return emit_end(judge_as_ai_sdk_5(ending_));
  auto judged = gemini::judge(ending_);
  if (auto* failure = std::get_if<UpstreamFailure>(&judged)) {
    rejected_ = repairable(*failure, ending_.reason);
    return fail(std::move(*failure));
  }
  return emit_end(std::get<View>(judged));
}

void GeminiResponse::judge(UpstreamFailure& failure, Json body) {
  if (!body.is_null()) rejected_ = repairable(failure, error_of(body)["message"].str());
  if (has_begun()) rejected_ = {};
}

Status GeminiResponse::emit_end(View reason) {
  while (!server_calls_.empty()) {
    if (Status s = flush_server_call(0, Part(Json())); !s) return s;
  }
  if (Status s = emit_suggestions(); !s) return s;
  set_about("model", report_.model);
  set_about("id", report_.id);
  usage_ = counts_.counts();
  return ModelStream::emit_end(reason, ending_.reason);
}

Status GeminiResponse::emit_suggestions() {
  if (!question_.searches || sources_.suggestions().empty()) return {};
  const Document suggestions;
  suggestions.root().edit("html").set(View(sources_.suggestions()));
  return step_.emit(event::data("search-suggestions", suggestions.root()));
}

}  // namespace gatehouse::plugins::gemini
