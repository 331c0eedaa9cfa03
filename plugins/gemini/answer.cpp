#include "answer.h"

#include <algorithm>
#include <random>

namespace gatehouse {
namespace {

/// Members of usageMetadata and what a usage event calls them.
constexpr std::array<std::pair<View, View>, 5> kCounts{{{"promptTokenCount", "input_tokens"},
                                                        {"candidatesTokenCount", "output_tokens"},
                                                        {"totalTokenCount", "total_tokens"},
                                                        {"thoughtsTokenCount", "reasoning_tokens"},
                                                        {"cachedContentTokenCount", "cached_input_tokens"}}};

/// Of the enum FinishReason; what is not listed is "unknown".
constexpr std::pair<View, View> kReasons[] = {{"STOP", "stop"},
                                              {"MAX_TOKENS", "length"},
                                              {"SAFETY", "content-filter"},
                                              {"RECITATION", "content-filter"},
                                              {"BLOCKLIST", "content-filter"},
                                              {"PROHIBITED_CONTENT", "content-filter"},
                                              {"SPII", "content-filter"},
                                              {"IMAGE_SAFETY", "content-filter"},
                                              {"OTHER", "other"},
                                              {"FINISH_REASON_UNSPECIFIED", "other"},
                                              {"MALFORMED_FUNCTION_CALL", "error"}};

View reason_for(View gemini) {
  for (const auto& [theirs, ours] : kReasons) {
    if (theirs == gemini) return ours;
  }
  return "unknown";
}

/// Where a grounding chunk has its URL, by what kind of source it is.
constexpr std::pair<View, View> kSources[] = {{"web", "uri"}, {"image", "sourceUri"}, {"retrievedContext", "uri"}, {"maps", "uri"}};

/// 16 characters of 62 are 95 bits: no two calls of a conversation share one.
std::string fresh_id() {
  static thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  static constexpr View kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::uniform_int_distribution<std::size_t> index(0, kAlphabet.size() - 1);
  std::string id(16, '\0');
  std::generate(id.begin(), id.end(), [&] { return kAlphabet[index(random)]; });
  return id;
}

/// A signature goes back to Gemini with the part it came with, so it travels as metadata.
std::optional<Document> metadata_of(Json part) {
  const Json signature = part["thoughtSignature"];
  if (signature.str().empty()) return std::nullopt;
  std::optional<Document> metadata(std::in_place);
  metadata->root().edit("google").edit("thoughtSignature").set(signature);
  return metadata;
}
Json root_of(const std::optional<Document>& document) { return document ? document->root() : Json(); }

}  // namespace

Fail failure_of(std::int64_t http_status, Json error) {
  bool bad_key = http_status == 401 || http_status == 403;
  for (const Json detail : error["details"]) bad_key = bad_key || detail["reason"].str() == "API_KEY_INVALID";

  std::string said = "HTTP " + std::to_string(http_status);
  for (const View key : {"status", "message"}) {
    if (const View text = error[key].str(); !text.empty()) said.append(": ").append(text);
  }
  if (bad_key) {
    return {502, "upstream_key_refused", "Gemini does not accept the key of this gateway; its operator can correct gemini.api_key.", said};
  }
  if (http_status == 429) return {429, "upstream_rate_limited", "The quota for Gemini is used up at the moment; try again later.", said};
  if (http_status == 503) return {503, "upstream_unavailable", "Gemini is overloaded at the moment; try again.", said};
  if (http_status == 404) return {502, "upstream_model_unknown", "Gemini does not have this model; choose another one.", said};
  if (http_status >= 500 || http_status == 408 || http_status == 409) {
    return {502, "upstream_error", "Gemini failed to answer; try again.", said};
  }
  if (http_status >= 400) return {502, "upstream_refused", "Gemini refused the request; the gateway's log has its reason.", said};
  return malformed(said);
}

Fail malformed(View what) {
  return {502, "upstream_malformed", "Gemini sent an answer that cannot be understood; try again.", std::string(what)};
}

Status GeminiAnswer::read(View text) {
  const auto has_type = [](Json value, int type) { return value.is_null() || value.type() == type; };
  auto document = Document::parse(text);
  if (!document) return malformed("an event is no JSON");
  const Json response = document->root();
  const Json candidates = response["candidates"];
  const Json candidate = candidates.at(0);
  const Json content = candidate["content"];
  const Json parts = content["parts"];
  if (!response.is_object() || !has_type(candidates, GH_ARRAY) || !has_type(candidate, GH_OBJECT) || !has_type(content, GH_OBJECT) ||
      !has_type(parts, GH_ARRAY)) {
    return malformed("an event has another shape than a GenerateContentResponse");
  }
  if (const Json error = response["error"]; !error.is_null()) return failure_of(error["code"].integer(500), error);

  if (const Json usage = response["usageMetadata"]; !usage.is_null()) {
    for (std::size_t i = 0; i < kCounts.size(); ++i) counts_[i] = usage[kCounts[i].first].integer(-1);
  }
  if (Status s = read_sources(candidate["groundingMetadata"]["groundingChunks"]); !s) return s;
  for (const Json part : parts) {
    if (Status s = read_part(part); !s) return s;
  }
  for (const Json part : parts) {  // calls come after the text of their event
    if (part["functionCall"].is_null()) continue;
    if (Status s = read_call(part); !s) return s;
  }
  if (const View reason = candidate["finishReason"].str(); !reason.empty()) {
    reason_ = reason_for(reason);
  } else if (!response["promptFeedback"]["blockReason"].str().empty()) {
    reason_ = "content-filter";
  }
  return {};
}

Status GeminiAnswer::finish() {
  Document usage;
  for (std::size_t i = 0; i < kCounts.size(); ++i) {
    if (counts_[i] >= 0) usage.root().edit(kCounts[i].second).set(counts_[i]);
  }
  if (usage.root().is_object()) {
    if (Status s = out_.emit(event::usage(usage.root())); !s) return s;
  }
  return out_.emit(event::step_finish(reason_ == "stop" && has_calls_ ? "tool-calls" : reason_));
}

Status GeminiAnswer::read_sources(Json chunks) {
  for (const Json chunk : chunks) {
    for (const auto& [kind, link] : kSources) {
      const View url = chunk[kind][link].str();
      // Clients show it as a link. A retrieved context may also be in a bucket (gs://), which they could not open.
      if (url.substr(0, 8) != "https://" && url.substr(0, 7) != "http://") continue;
      if (!urls_.emplace(url).second) continue;  // each event repeats those before
      if (Status s = out_.emit(event::source(fresh_id(), url, chunk[kind]["title"].str())); !s) return s;
    }
  }
  return {};
}

Status GeminiAnswer::read_part(Json part) {
  if (const Json text = part["text"]; !text.is_null()) {
    if (!text.is_string()) return malformed("a text is no string");
    const auto metadata = metadata_of(part);
    if (text.str().empty() && !metadata) return {};
    const bool thought = part["thought"].boolean() && !text.str().empty();  // a signature alone belongs to the text before it
    return out_.emit((thought ? event::reasoning : event::text)(text.str(), root_of(metadata)));
  }
  const Json file = part["inlineData"];
  if (const View data = file["data"].str(); !data.empty()) return out_.emit(event::file(file["mimeType"].str(), data));
  if (const Json code = part["executableCode"]; code.is_object()) {
    has_calls_ = true;
    code_id_ = fresh_id();
    return out_.emit(event::tool_call(code_id_, "code_execution", code, Json(), GH_PROVIDER_EXECUTED));
  }
  if (const Json result = part["codeExecutionResult"]; result.is_object() && !code_id_.empty()) {
    return out_.emit(event::tool_output(code_id_, result, GH_PROVIDER_EXECUTED));
  }
  return {};  // a call, or something newer than this code
}

Status GeminiAnswer::read_call(Json part) {
  const Json call = part["functionCall"];
  const View name = call["name"].str();
  if (name.empty()) return malformed("a function call has no name");
  has_calls_ = true;

  const std::string id = call["id"].str().empty() ? fresh_id() : std::string(call["id"].str());
  auto none = Document::parse("{}");
  const Json arguments = call["args"].is_null() ? Json(none->root()) : call["args"];
  const auto metadata = metadata_of(part);
  if (Status s = out_.emit(event::tool_input_start(id, name)); !s) return s;
  if (Status s = out_.emit(event::tool_input_delta(id, arguments.dump())); !s) return s;
  return out_.emit(event::tool_call(id, name, arguments, root_of(metadata)));
}

}  // namespace gatehouse
