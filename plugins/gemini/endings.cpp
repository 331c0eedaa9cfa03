#include "endings.h"

#include <algorithm>

namespace gatehouse::plugins::gemini {
namespace {

/// Of the enum FinishReason (@google/genai 3.3.0), with our word and that of @ai-sdk/google 2. All
/// others are "other".
struct Reason {
  View gemini, word, ai_sdk_5;
};
constexpr Reason kReasons[] = {
    {"STOP", "stop", "stop"},
    {"MAX_TOKENS", "length", "length"},
    {"CONTINUATION", "length", "other"},  // that was not continued
    {"SAFETY", "content-filter", "content-filter"},
    {"RECITATION", "content-filter", "content-filter"},
    {"BLOCKLIST", "content-filter", "content-filter"},
    {"PROHIBITED_CONTENT", "content-filter", "content-filter"},
    {"SPII", "content-filter", "content-filter"},
    {"IMAGE_SAFETY", "content-filter", "content-filter"},
    {"IMAGE_PROHIBITED_CONTENT", "content-filter", "other"},
    {"IMAGE_RECITATION", "content-filter", "other"},
    {"LANGUAGE", "content-filter", "other"},
    {"ESCALATION", "content-filter", "other"},
    {"MODEL_ARMOR", "content-filter", "other"},
    {"UNEXPECTED_TOOL_CALL", "tool-calls", "other"},
    {"MALFORMED_FUNCTION_CALL", "error", "error"},
    {"MALFORMED_RESPONSE", "error", "other"},
    {"TOO_MANY_TOOL_CALLS", "error", "other"},
    {"MISSING_THOUGHT_SIGNATURE", "error", "other"},
    {"PUP_LIMITED_DISABLED", "error", "other"},
};
constexpr Reason kOther = {"", "other", "other"};

const Reason& find(View gemini) {
  const auto* found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                   [gemini](const Reason& r) { return r.gemini == gemini; });
  return found == std::end(kReasons) ? kOther : *found;
}

UpstreamFailure fail(std::string code, std::string message, std::string detail,
                     std::uint32_t flags) {
  UpstreamFailure failure = upstream_failure(502, std::move(code), std::move(message), flags);
  failure.detail = std::move(detail);
  return failure;
}

UpstreamFailure empty(const std::string& reason) {
  return fail("upstream_empty", "The model sent an empty response; try again.",
              "no content before finishReason " + reason, GH_FAIL_TRANSIENT);
}

UpstreamFailure no_room(std::int64_t max_output_tokens) {
  const std::string limit =
      max_output_tokens > 0 ? " (" + std::to_string(max_output_tokens) + ")" : "";
  return fail("upstream_token_limit",
              "The model used up the token limit before its response began; raise the limit.",
              "thinking used up max_output_tokens" + limit + ": raise it, or lower `thinking`", 0);
}

UpstreamFailure wrong(const std::string& reason) {
  const std::string detail = "finishReason " + reason;
  if (reason == "PUP_LIMITED_DISABLED") {
    return upstream_failure(
        GH_DOWN, "Google has limited the account of the API key for a breach of its policy",
        fail("upstream_account_refused", "Gemini does not serve the operator of this gateway.",
             detail, 0));
  }
  if (reason == "TOO_MANY_TOOL_CALLS")
    return fail("upstream_error", "The model called too many of Google's tools.", detail, 0);
  if (reason == "MISSING_THOUGHT_SIGNATURE") {
    return fail("upstream_refused",
                "Gemini rejected the request; the gateway's log has the reason.", detail, 0);
  }
  return fail("upstream_malformed", "Gemini sent a malformed response; try again.", detail,
              GH_FAIL_TRANSIENT);
}

}  // namespace

bool is_known_reason(View finish_reason) { return !find(finish_reason).gemini.empty(); }

std::variant<View, UpstreamFailure> judge(const Ending& e) {
  if (e.blocked) return "content-filter";
  if (e.reason.empty()) {
    return fail("upstream_unfinished", "The upstream's response broke off.",
                "the response ended without a finishReason", GH_FAIL_TRANSIENT);
  }
  const View word = find(e.reason).word;
  if (word == "error") return wrong(e.reason);
  if (word == "content-filter") return word;
  if (e.calls && (word == "stop" || word == "tool-calls")) return "tool-calls";
  if (word == "tool-calls") return wrong(e.reason);
  if (e.has_content) return word;
  if (word == "length") return no_room(e.max_output_tokens);
  if (word == "stop" && e.after_result && e.tried_before)
    return word;  // the model had nothing to add to the results
  UpstreamFailure failure = empty(e.reason);
  failure.once = word == "other" || e.after_result;
  return failure;
}

View judge_as_ai_sdk_5(const Ending& e) {
  if (e.blocked) return "content-filter";
  const View word = find(e.reason).ai_sdk_5;
  return word == "stop" && (e.calls || e.code) ? "tool-calls" : word;
}

}  // namespace gatehouse::plugins::gemini
