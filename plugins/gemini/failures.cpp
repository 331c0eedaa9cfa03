/// Google's errors are distinguished by the HTTP status, by the ErrorInfo and QuotaFailure in their
/// details, and otherwise by their texts, as public reports of 2025 and 2026 quote
/// them. What matters: who is to blame (the caller, the operator, Gemini), and whether a retry can
/// succeed. repairs.cpp reads what of a rejected request can be repaired.
#include "failures.h"

#include <algorithm>

#include "retry_info.h"

namespace gatehouse::plugins::gemini {
namespace {

constexpr std::size_t kLongestReason = 64;  // those known have 30

UpstreamFailure bad_key(std::string remedy) {
  return upstream_failure(
      GH_DOWN, std::move(remedy),
      upstream_failure(502, "upstream_key_refused",
                       "Gemini rejects the API key of this gateway; its operator can correct "
                       "gemini.api_key."));
}

UpstreamFailure bad_account(std::string remedy) {
  return upstream_failure(GH_DOWN, std::move(remedy),
                          upstream_failure(502, "upstream_account_refused",
                                           "Gemini does not serve the operator of this gateway."));
}

UpstreamFailure refused() {
  return upstream_failure(502, "upstream_refused",
                          "Gemini rejected the request; the gateway's log has the reason.");
}

bool has(View text, View words) { return text.find(words) != View::npos; }

bool has_any(View text, std::initializer_list<View> words) {
  return std::any_of(words.begin(), words.end(), [text](View w) { return has(text, w); });
}

bool ends_with(View text, View end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// An error, parsed once.
struct GoogleError {
  explicit GoogleError(Json error) : message(error["message"].str()) {
    for (const Json detail : error["details"]) {
      if (reason.empty()) reason = detail["reason"].str();
      only_help = only_help && ends_with(detail["@type"].str(), ".Help");
      for (const Json violation : detail["violations"]) {
        const View quota = violation["quotaId"].str();
        per_day = per_day || has_any(quota, {"PerDay", "Daily"});
        per_minute = per_minute || has(quota, "PerMinute");
      }
    }
    only_help = only_help && error["details"].size() > 0;
  }

  View message, reason;                      // of an ErrorInfo
  bool per_day = false, per_minute = false;  // quotas that are used up
  bool only_help = true;
};

/// "limit: 0", but not "limit: 02" or "limit: 0.5".
bool has_no_quota(View message) {
  constexpr View kNone = "limit: 0";
  const auto at = message.find(kNone);
  return at != View::npos && message.substr(at + kNone.size()).find_first_of("0123456789.") != 0;
}

/// The word of a message behind this text, as far as it may be shown to the caller.
std::string name_behind(View message, View before) {
  const auto at = message.find(before);
  if (at == View::npos) return {};
  constexpr View kFit = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/.";
  constexpr std::size_t kLongest = 80;  // names of the Files API have 40 characters at most
  const View rest = message.substr(at + before.size());
  return std::string(rest.substr(0, std::min(rest.find_first_not_of(kFit), kLongest)));
}

/// The caller is to blame for a file that its chat names: files expire 48 hours after the upload.
UpstreamFailure bad_file(View message) {
  std::string name = name_behind(message, "the File ");
  if (name.empty()) name = name_behind(message, "files/");
  return upstream_failure(400, "file_unavailable",
                          "Gemini cannot open the file " + name + (name.empty() ? "" : " ") +
                              "of this chat; it may have expired: send it again.");
}

UpstreamFailure bad_media(View message) {
  const std::string type = name_behind(message, "MIME type: ");
  return upstream_failure(400, "file_refused",
                          "Gemini cannot read a file of this chat" +
                              (type.empty() ? "" : ", whose type is " + type) +
                              "; send it in another form.");
}

UpstreamFailure too_long(View message) {
  const std::string limit = name_behind(message, "tokens allowed (");
  return upstream_failure(413, "context_too_long",
                          "The conversation is too long for this model" +
                              (limit.empty() ? "" : ", which takes " + limit + " tokens") +
                              "; start a new one, or leave out files.");
}

UpstreamFailure bad_setting(View name) {
  return upstream_failure(
      GH_DEGRADED, "the model rejects a setting of gemini: " + std::string(name),
      upstream_failure(502, "upstream_setting_refused",
                       "Gemini rejects a setting of this gateway for the model."));
}

/// Of errors that quote what a client wrote. Looked for before all others, so that no client can
/// bring those about.
std::optional<UpstreamFailure> by_quoting_text(View m) {
  if (has(m, "function_declarations[")) return refused();
  if (m.substr(0, 8) == "Invalid " && !has(m, "signature")) return refused();
  if (has_any(m, {"MIME type", "input image", "Cannot fetch content", "provided URL", "URL_"}))
    return bad_media(m);
  if (has_any(m, {"the File ", "files/", "private video", "video is not"})) return bad_file(m);
  return std::nullopt;
}

/// Of errors that blame the operator.
std::optional<UpstreamFailure> by_operator_text(View m) {
  if (m.substr(0, 8) == "API key ") return bad_key("the API key is rejected: correct api_key");
  if (has(m, "Multiple authentication credentials"))
    return bad_key("the API key was sent twice: remove it from base_url or the proxy");
  if (has(m, "location is not supported")) {
    return bad_account(
        "Gemini is not available at the location of this gateway: run it elsewhere, or turn on "
        "billing");
  }
  for (const View word : {"hinking level", "thinking_level", "thinkingLevel", "hinking budget",
                          "thinking_budget", "thinkingBudget"}) {
    if (has(m, word)) return bad_setting("thinking");
  }
  if (has(m, "emperature")) return bad_setting("temperature");
  return std::nullopt;
}

UpstreamFailure refused_request(const GoogleError& error) {
  const View m = error.message;
  if (auto failure = by_quoting_text(m)) return std::move(*failure);
  if (has_any(m, {"hought signature", "thought_signature"})) return refused();
  if (has(m, "input token count")) return too_long(m);
  if (auto failure = by_operator_text(m)) return std::move(*failure);
  if (has_any(m, {"call turn comes", "with a model turn", "function response parts"}))
    return upstream_failure(GH_UP, "Gemini rejects the order of turns in this conversation",
                            refused());
  return refused();
}

UpstreamFailure refused_caller(const GoogleError& error) {
  const View m = error.message;
  if (has_any(m, {"the File ", "files/", "ideo"})) return bad_file(m);
  if (has(m, "leaked"))
    return bad_key("the API key was published and is blocked: create a new one");
  if (has(m, "denied access"))
    return bad_account("Google has denied access to the project of the API key");
  return bad_key("the API key is rejected: correct api_key");
}

UpstreamFailure gone(View message) {
  if (has_any(message, {"the File ", "files/"})) return bad_file(message);
  return upstream_failure(502, "upstream_model_unknown",
                          "Gemini does not have this model; choose another one.");
}

UpstreamFailure over_quota(const GoogleError& error) {
  if (has_no_quota(error.message)) {
    return upstream_failure(
        GH_DEGRADED, "the plan of the API key does not include this model: turn on billing",
        upstream_failure(
            429, "upstream_not_in_plan",
            "The gateway's plan for Gemini does not include this model; choose another one."));
  }
  if (error.per_day && !error.per_minute) {
    return upstream_failure(
        GH_DEGRADED, "the daily quota is used up; it is reset at midnight Pacific time",
        upstream_failure(429, "upstream_quota_used_up",
                         "The gateway's daily quota for Gemini is used up; try again tomorrow."));
  }
  UpstreamFailure failure = upstream_failure(
      GH_DEGRADED, "the quota is used up at the moment",
      upstream_failure(429, "upstream_rate_limited",
                       "The gateway's quota for Gemini is used up at the moment; try again later.",
                       GH_FAIL_TRANSIENT));
  failure.once = error.only_help;  // without a time: it may be the daily quota
  return failure;
}

UpstreamFailure overloaded(std::uint32_t flags) {
  return upstream_failure(
      GH_DEGRADED, "the model is overloaded",
      upstream_failure(503, "upstream_unavailable",
                       "Gemini is overloaded at the moment; try again.", flags));
}

UpstreamFailure failed() {
  return upstream_failure(502, "upstream_error", "Gemini failed; try again.",
                          GH_FAIL_TRANSIENT | GH_FAIL_SUSPECT);
}

std::optional<UpstreamFailure> by_reason(View reason) {
  if (reason == "API_KEY_INVALID" || reason == "ACCESS_TOKEN_TYPE_UNSUPPORTED")
    return bad_key("the API key is rejected: correct api_key");
  if (reason == "SERVICE_DISABLED" || ends_with(reason, "_BLOCKED")) {
    return bad_key("the API key may not be used here: remove its restriction " +
                   std::string(reason.substr(0, kLongestReason)));
  }
  if (reason == "CONSUMER_SUSPENDED" || reason == "CONSUMER_INVALID") {
    return bad_account("Google does not serve the project of the API key: " +
                       std::string(reason.substr(0, kLongestReason)));
  }
  if (reason == "MODEL_CAPACITY_EXHAUSTED") return overloaded(GH_FAIL_UPSTREAM);
  return std::nullopt;
}

/// Of google.rpc.Code, with the HTTP status of each; for errors that have no status of an error.
constexpr std::pair<View, int> kStatuses[] = {
    {"CANCELLED", 499},          {"INVALID_ARGUMENT", 400}, {"FAILED_PRECONDITION", 400},
    {"OUT_OF_RANGE", 400},       {"UNAUTHENTICATED", 401},  {"PERMISSION_DENIED", 403},
    {"NOT_FOUND", 404},          {"ABORTED", 409},          {"ALREADY_EXISTS", 409},
    {"RESOURCE_EXHAUSTED", 429}, {"UNKNOWN", 500},          {"INTERNAL", 500},
    {"DATA_LOSS", 500},          {"UNIMPLEMENTED", 501},    {"UNAVAILABLE", 503},
    {"DEADLINE_EXCEEDED", 504}};

std::int64_t status_of(std::int64_t http_status, Json error) {
  if (http_status != 200) return http_status;
  if (const std::int64_t code = error["code"].integer(); code >= 400) return code;
  for (const auto& [word, status] : kStatuses) {
    if (word == error["status"].str()) return status;
  }
  return 500;
}

UpstreamFailure by_status(std::int64_t status, const GoogleError& error) {
  switch (status) {
    case 400: return refused_request(error);
    case 401: return bad_key("the API key is rejected: correct api_key");
    case 403: return refused_caller(error);
    case 404: return gone(error.message);
    case 408:
    case 409: return failed();
    case 413: return too_long(error.message);
    case 429: return over_quota(error);
    case 499: {
      UpstreamFailure failure = failed();
      failure.once = true;
      return failure;
    }
    case 503: return overloaded(GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM);
    default: break;
  }
  if (status >= 500) return failed();
  return status >= 400 ? refused() : malformed({});
}

}  // namespace

Json error_of(Json body) { return (body.is_array() ? body.at(0) : body)["error"]; }

UpstreamFailure failure_of(int http_status, Json body) {
  const Json error = error_of(body);
  const std::int64_t status = status_of(http_status, error);
  const GoogleError parsed(error);
  auto failure = by_reason(parsed.reason);
  if (!failure) failure = by_status(status, parsed);
  failure->detail = "HTTP " + std::to_string(status);
  for (const View text : {error["status"].str(), parsed.reason, parsed.message}) {
    if (!text.empty()) failure->detail.append(": ").append(text);
  }
  if (http_status != 200 && (failure->flags & GH_FAIL_TRANSIENT) != 0)
    failure->retry_after = retry_info(error);
  return std::move(*failure);
}

bool is_gone_for_good(View message) {
  // "…is not found for API version v1beta, or is not supported for generateContent." Proxies send
  // only the first half.
  return has_any(message, {"no longer available", "not supported for generateContent"});
}

UpstreamFailure malformed(View what) {
  UpstreamFailure failure =
      upstream_failure(502, "upstream_malformed", "Gemini sent a malformed response; try again.");
  failure.detail = what;
  return failure;
}

}  // namespace gatehouse::plugins::gemini
