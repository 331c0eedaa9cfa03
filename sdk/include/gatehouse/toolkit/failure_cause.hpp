/// What a failure means to a client of a model's API, whichever plugin or layer it comes from. An
/// ingress has only to choose its API's words for each cause.
#pragma once

#include <algorithm>
#include <iterator>

#include "gatehouse/exchange.hpp"

namespace gatehouse {
inline namespace v1 {

enum class Cause {
  kAuthentication,  ///< The caller's key is missing or wrong.
  kPermission,      ///< The caller is known and may not do this.
  kInvalidRequest,  ///< The request is at fault, and no other cause says why.
  kUnsupported,     ///< A parameter or a part of the request that cannot be honoured.
  kContextTooLong,  ///< The conversation has more tokens than the model takes.
  kModelNotFound,
  kNotFound,  ///< The route.
  kMethodNotAllowed,
  kTooLarge,             ///< More bytes than the gateway takes.
  kRateLimit,            ///< Of the gateway or of the upstream.
  kUpstreamCredentials,  ///< The upstream rejects the operator's key, account or settings.
  kUpstream,             ///< The upstream failed, broke off or sent what it should not.
  kOverloaded,           ///< The upstream or the gateway, for now.
  kTimeout,
  kInternal  ///< The gateway or a plugin.
};

/// How the response reports it.
struct FailureReport {
  Cause cause;
  int http_status;
  /// The clients of these APIs retry 408, 409, 429 and 5xx by themselves unless they are told that
  /// it is in vain.
  bool is_retry_useless = false;

  /// Sets the status and headers of a response that has not begun.
  void write_head(Exchange& x) const {
    x.set_status(http_status);
    if (is_retry_useless) x.set_header("x-should-retry", "false");
  }
};

namespace detail {
struct KnownFailure {
  View code;
  FailureReport report;
};
/// Those whose HTTP status alone says too little, or something else to clients of these APIs: they
/// would look for the fault in their own key if an upstream's 401 reached them.
inline constexpr KnownFailure kKnownFailures[] = {
    {"model_not_found", {Cause::kModelNotFound, 404}},
    {"upstream_model_unknown", {Cause::kModelNotFound, 404}},
    {"context_too_long", {Cause::kContextTooLong, 400}},
    {"unsupported", {Cause::kUnsupported, 400}},
    {"unsupported_parameter", {Cause::kUnsupported, 400}},
    {"unsupported_value", {Cause::kUnsupported, 400}},
    {"upstream_refused", {Cause::kInvalidRequest, 400}},
    {"upstream_token_limit", {Cause::kInvalidRequest, 400}},
    {"upstream_key_refused", {Cause::kUpstreamCredentials, 502, true}},
    {"upstream_account_refused", {Cause::kUpstreamCredentials, 502, true}},
    {"upstream_setting_refused", {Cause::kUpstreamCredentials, 502, true}},
    {"upstream_not_in_plan", {Cause::kUpstreamCredentials, 502, true}},
    {"upstream_quota_used_up", {Cause::kRateLimit, 429, true}},
};

constexpr Cause cause_of_status(int status) {
  switch (status) {
    case 401: return Cause::kAuthentication;
    case 403: return Cause::kPermission;
    case 404: return Cause::kNotFound;
    case 405: return Cause::kMethodNotAllowed;
    case 413: return Cause::kTooLarge;
    case 429: return Cause::kRateLimit;
    case 502: return Cause::kUpstream;
    case 503:
    case 529: return Cause::kOverloaded;
    case 408:
    case 504: return Cause::kTimeout;
    default: return status >= 500 ? Cause::kInternal : Cause::kInvalidRequest;
  }
}
}  // namespace detail

inline FailureReport report_of(const Failure& failure) {
  const auto* const known =
      std::find_if(std::begin(detail::kKnownFailures), std::end(detail::kKnownFailures),
                   [&](const detail::KnownFailure& k) { return k.code == failure.code(); });
  if (known != std::end(detail::kKnownFailures)) return known->report;
  const Cause cause = detail::cause_of_status(failure.http_status());
  return {cause, failure.http_status(), cause == Cause::kAuthentication};
}

/// The failure with which next() ended, or what the end of the time or of the gateway is to the
/// client: for the error event of a stream that has begun.
inline Fail failure_of(const Status& status) {
  if (const Failure failure = status.failure()) return failure.copy();
  return {
      504, "deadline_exceeded", "The request took too long, or the gateway is shutting down.", {}};
}

}  // namespace v1
}  // namespace gatehouse
