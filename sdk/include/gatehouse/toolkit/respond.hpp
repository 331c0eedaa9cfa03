/// What every ingress of a model's API does with a request whose chat document is written: it runs
/// the rest of the pipeline and ends the response.
#pragma once

#include <chrono>

#include "gatehouse/next.hpp"
#include "gatehouse/toolkit/failure_cause.hpp"
#include "gatehouse/toolkit/ingress.hpp"
#include "gatehouse/toolkit/visible_events.hpp"

namespace gatehouse {
inline namespace v1 {

/// Writes a response in the form of an API: the events as they come, then its end.
class ResponseWriter : public Sink {
 public:
  /// `reason`: as in GH_EV_STEP_FINISH.
  virtual Status finish(View reason, const ModelResponse& response) = 0;
  /// The end of a response that has begun, and failed. Clients take a stream that just ends for a
  /// whole one.
  virtual Status fail(const Failure& failure) = 0;
  /// Of a response that has not begun, and failed.
  virtual int status_of(const FailureReport& report) const { return report.http_status; }
};

/// The failure with the status that the client gets, for plugins above that log or count it.
inline Status with_status(Status status, int http_status) {
  const Failure failure = status.failure();
  if (!failure || failure.http_status() == http_status) return status;
  Fail reported = failure.copy();
  reported.http_status = http_status;
  return reported;
}

/// `began`: when the request did. A response that has not begun leaves its failure to the host:
/// only a status makes these clients retry and read Retry-After. A model that had nothing to say,
/// or gave no reason for its end, is no failure to them: these APIs have a form for such responses.
inline Status respond(Host host, Exchange& x, Next& next, std::chrono::nanoseconds began,
                      ResponseWriter& writer) {
  VisibleEvents visible(writer, x.chat());
  ModelResponse response(visible, host, x, began);
  Status status = next(x, response);
  response.note();
  if (status) status = response.end();
  const View code = status.failure().code();
  if (status || code == "upstream_empty" || code == "upstream_unfinished") {
    auto reason = visible.finish_reason();
    status = reason ? writer.finish(*reason, response) : reason.error();
  }
  if (status || status.code() == GH_STOP) return status;
  if (!x.committed()) {
    const int http_status = writer.status_of(report_of(status.failure()));
    return with_status(std::move(status), http_status);
  }
  const Fail failure = failure_of(status);
  (void)writer.fail(Failure(failure.raw()));
  return status;
}

}  // namespace v1
}  // namespace gatehouse
