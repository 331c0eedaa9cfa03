#include "errors.h"

#include <chrono>

#include "body.h"

namespace gatehouse::plugins::messages {
namespace {

constexpr int kOverloadedStatus = 529;  // Anthropic's own

View type_of(Cause cause) {
  switch (cause) {
    case Cause::kAuthentication: return "authentication_error";
    case Cause::kPermission: return "permission_error";
    case Cause::kModelNotFound:
    case Cause::kNotFound: return "not_found_error";
    case Cause::kTooLarge: return "request_too_large";
    case Cause::kRateLimit: return "rate_limit_error";
    case Cause::kOverloaded: return "overloaded_error";
    case Cause::kTimeout: return "timeout_error";
    case Cause::kUpstreamCredentials:
    case Cause::kUpstream:
    case Cause::kInternal: return "api_error";
    default: return "invalid_request_error";
  }
}

/// Agents compact a conversation when they find these words in the message.
constexpr View kTooLong = "prompt is too long: ";

}  // namespace

int status_of(const FailureReport& report) {
  return report.cause == Cause::kOverloaded ? kOverloadedStatus : report.http_status;
}

void write_error_head(const Failure& failure, Exchange& x) {
  using std::chrono::milliseconds;
  const FailureReport report = report_of(failure);
  report.write_head(x);
  x.set_status(status_of(report));
  x.set_header("request-id", x.request_id());
  const auto wait = std::chrono::ceil<milliseconds>(failure.retry_after());
  if (wait > milliseconds(0)) x.set_header("retry-after-ms", std::to_string(wait.count()));
}

void append_error(JsonText& json, const Failure& failure, View request_id) {
  const Cause cause = report_of(failure).cause;
  std::string message(cause == Cause::kContextTooLong ? kTooLong : View());
  message.append(failure.message());
  json.open('{').member("type", "error").key("error").open('{');
  json.member("type", type_of(cause)).member("message", View(message));
  if (failure.code() == kThreadUnsupported) {
    json.key("details").open('{').member("error_code", kThreadUnsupported);
    json.key("unsupported").open('[').value("server_held_threads").close(']').close('}');
  }
  json.close('}').member("request_id", request_id).close('}');
}

}  // namespace gatehouse::plugins::messages
