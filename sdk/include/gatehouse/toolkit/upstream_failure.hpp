/// Why a request to a model's API failed: who is to blame, and whether a retry can succeed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "gatehouse/exchange.hpp"
#include "gatehouse/http.hpp"

namespace gatehouse {
inline namespace v1 {

/// A failure of an upstream, with what it means for the operator.
struct UpstreamFailure : Fail {
  int health = GH_UP;  ///< Of the upstream from now on; GH_UP: the failure is not about it.
  /// For the operator: what is wrong, and what to do about it. Has no text of a client and no key.
  std::string remedy{};
  bool once = false;  ///< A second attempt may succeed, a third will not.
};

/// None: its http_status is 0.
inline UpstreamFailure no_failure() {
  UpstreamFailure none;
  none.http_status = 0;
  return none;
}

inline UpstreamFailure upstream_failure(int http_status, std::string code, std::string message,
                                        std::uint32_t flags = 0) {
  UpstreamFailure failure;
  failure.http_status = http_status;
  failure.code = std::move(code);
  failure.message = std::move(message);
  failure.flags = flags;
  return failure;
}

/// One that the health shows.
inline UpstreamFailure upstream_failure(int health, std::string remedy, UpstreamFailure failure) {
  failure.health = health;
  failure.remedy = std::move(remedy);
  return failure;
}

/// The response is not what the API promises.
inline UpstreamFailure malformed_response(std::string what) {
  UpstreamFailure failure = upstream_failure(
      502, "upstream_malformed", "The model's provider sent a malformed response; try again.");
  failure.detail = std::move(what);
  return failure;
}

/// The response ended before it was complete.
inline UpstreamFailure broken_response(std::string what) {
  UpstreamFailure failure =
      upstream_failure(502, "upstream_broken", "The upstream's response broke off.");
  failure.detail = std::move(what);
  return failure;
}

/// What the host's HTTP client has left in the exchange. http_status 0: nothing.
inline UpstreamFailure failure_of_host(const Exchange& x) {
  UpstreamFailure failure = no_failure();
  const Failure left = x.failure();
  if (!left) return failure;
  static_cast<Fail&>(failure) = left.copy();
  if (!left.has(GH_FAIL_UPSTREAM)) return failure;
  return upstream_failure(GH_DEGRADED, failure.message, failure);
}

/// Whether the body is the stream that was requested.
inline bool is_event_stream(const HttpResponse& response) {
  constexpr View kType = "text/event-stream";
  return equals_ignoring_case(response.header("Content-Type").substr(0, kType.size()), kType);
}

/// What an HTTP status means where the body does not say more.
inline UpstreamFailure failure_by_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return upstream_failure(
          GH_DOWN, "the API key is rejected: correct api_key",
          upstream_failure(502, "upstream_key_refused",
                           "The model's provider rejects the API key of this gateway; its operator "
                           "can correct it."));
    case 402:
      return upstream_failure(GH_DOWN, "the account has no credit left: add some",
                              upstream_failure(502, "upstream_account_refused",
                                               "The model's provider does not serve the operator "
                                               "of this gateway."));
    case 404:
      return upstream_failure(
          GH_DEGRADED, "the model is unknown: correct its name, or base_url",
          upstream_failure(502, "upstream_model_unknown",
                           "The model's provider does not have this model; choose another one."));
    case 413:
      return upstream_failure(413, "context_too_long",
                              "The conversation is too long for this model; start a new one, or "
                              "leave out files.");
    case 429:
      return upstream_failure(
          GH_DEGRADED, "the quota is used up at the moment",
          upstream_failure(429, "upstream_rate_limited",
                           "The gateway's quota for this model is used up at the moment; try again "
                           "later.",
                           GH_FAIL_TRANSIENT));
    case 503:
    case 529:
      return upstream_failure(GH_DEGRADED, "the model is overloaded",
                              upstream_failure(503, "upstream_unavailable",
                                               "The model is overloaded at the moment; try again.",
                                               GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM));
    default: break;
  }
  if (status >= 500 || status == 408 || status == 409) {
    return upstream_failure(502, "upstream_error", "The model's provider failed; try again.",
                            GH_FAIL_TRANSIENT | GH_FAIL_SUSPECT);
  }
  return upstream_failure(502, "upstream_refused",
                          "The model's provider rejected the request; the gateway's log has the "
                          "reason.");
}

}  // namespace v1
}  // namespace gatehouse
