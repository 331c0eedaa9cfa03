#include "access_log.h"

#include "fields.h"
#include "measured.h"
#include "schema.h"

namespace gatehouse::plugins::access_log {
namespace {

int level_of(const Outcome& outcome, const Failure& failure);
std::string message_of(const Outcome& outcome, const std::string& request);

}  // namespace

Status AccessLog::handle(Exchange& x, Sink& out, Next& next) {
  const auto arrived = host_.now();
  const std::string request = name_of(x);
  const Document record;
  MutableJson fields = record.root();
  add_request(fields, x);
  host_.log(GH_INFO, &x, "→ " + request, fields);

  Measured response(out, host_);
  Status status = next(x, response);

  const Failure failure = status.failure();
  const Outcome outcome = outcome_of(host_, x, status);
  add_outcome(fields, outcome, failure);
  response.add_to(fields, arrived);
  add_sender(fields, x);
  add_caller(fields, x.caller());
  if (x.chat()) add_self_times(fields.edit("self_ms"), status_.timing(x));
  add_notes(fields, x.notes());
  host_.log(level_of(outcome, failure), &x, message_of(outcome, request), fields);
  return status;
}

void AccessLog::refused(Exchange& x) const {
  const Failure failure = x.failure();
  const Outcome outcome{"failed", failure.code(), failure.http_status()};
  const Document record;
  MutableJson fields = record.root();
  add_request(fields, x);
  add_outcome(fields, outcome, failure);
  if (failure.detail().empty()) fields.edit("detail").set(failure.message());
  add_sender(fields, x);
  const int level = failure.http_status() >= 500 ? GH_WARN : GH_INFO;
  host_.log(level, &x, message_of(outcome, name_of(x)), fields);
}

namespace {

/// A warning: a failure that the client cannot read off the status, which had been sent before.
int level_of(const Outcome& outcome, const Failure& failure) {
  const int status = failure ? failure.http_status() : outcome.status;
  if (outcome.word == "cut" || status >= 500) return GH_ERROR;
  return outcome.word == "failed" && outcome.status < 400 ? GH_WARN : GH_INFO;
}

std::string message_of(const Outcome& outcome, const std::string& request) {
  std::string message = outcome.word == "ok" ? "← " : "✗ ";
  message.append(std::to_string(outcome.status)).append(" ").append(request);
  if (outcome.word == "left") message.append(" client left");
  if (outcome.word == "cut") message.append(" cancelled");
  return message;
}

}  // namespace
}  // namespace gatehouse::plugins::access_log

GATEHOUSE_PLUGIN(gatehouse::plugins::access_log::AccessLog, "access-log", "1.0.0",
                 "Logs each request when it arrives and when its response has ended",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_HEAD | GH_PLUGIN_UNLOADS)
