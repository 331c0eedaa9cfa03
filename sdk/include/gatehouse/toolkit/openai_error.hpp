/// Failures in the form of OpenAI's API.
#pragma once

#include <string>

#include "gatehouse/toolkit/failure_cause.hpp"
#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse {
inline namespace v1 {

namespace detail {
inline View openai_type(const FailureReport& report) {
  switch (report.cause) {
    case Cause::kRateLimit: return "rate_limit_error";
    case Cause::kOverloaded: return "service_unavailable_error";
    default: return report.http_status >= 500 ? "server_error" : "invalid_request_error";
  }
}

inline View openai_code(const Failure& failure, const FailureReport& report) {
  switch (report.cause) {
    case Cause::kAuthentication: return "invalid_api_key";
    case Cause::kModelNotFound: return "model_not_found";
    case Cause::kContextTooLong: return "context_length_exceeded";
    case Cause::kRateLimit:
      return report.is_retry_useless ? "insufficient_quota" : "rate_limit_exceeded";
    default: return failure.code() == "invalid_request" ? View("invalid_value") : failure.code();
  }
}

/// The place that a message about a request begins with: "messages[2].content" of
/// "messages[2].content must be a string". Empty: it names none.
inline View place_in(View message) {
  const View word = message.substr(0, message.find(' '));
  const View place = word.substr(0, word.find_last_not_of(":`") + 1);
  constexpr View kFit = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]";
  const View bare = place.substr(place.substr(0, 1) == "`" ? 1 : 0);
  const bool is_place = !bare.empty() && bare[0] >= 'a' && bare[0] <= 'z' && bare != "the" &&
                        bare.find_first_not_of(kFit) == View::npos;
  return is_place ? bare : View();
}
}  // namespace detail

/// {"error": {"message", "type", "param", "code"}}: the body of a response, or the data of an event
/// in a stream.
inline std::string openai_error(const Failure& failure) {
  const FailureReport report = report_of(failure);
  View param;
  if (report.cause == Cause::kModelNotFound) param = "model";
  if (report.cause == Cause::kInvalidRequest || report.cause == Cause::kUnsupported)
    param = detail::place_in(failure.message());
  std::string out;
  JsonText json(out);
  json.open('{').key("error").open('{').member("message", failure.message());
  json.member("type", detail::openai_type(report)).key("param");
  if (param.empty()) {
    json.raw("null");
  } else {
    json.value(param);
  }
  json.member("code", detail::openai_code(failure, report)).close('}').close('}');
  return out;
}

}  // namespace v1
}  // namespace gatehouse
