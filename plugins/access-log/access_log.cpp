#include "access_log.h"

#include <optional>

#include "measured.h"
#include "schema.h"

namespace gatehouse::plugins::access_log {
namespace {

int level_of(const Outcome& outcome, const Failure& failure);
std::string message_of(const Outcome& outcome, const Exchange& x);

}  // namespace

Status AccessLog::handle(Exchange& x, Sink& out, Next& next) {
  const auto arrived = host_.now();
  std::optional<Fields> fields;
  if (host_.logs(GH_INFO)) host_.log_text(GH_INFO, &x, "→ " + name_of(x), fields.emplace(x).text());

  Measured response(out, host_);
  Status status = next(x, response);

  const Failure failure = status.failure();
  const Outcome outcome = outcome_of(host_, x, status);
  const int level = level_of(outcome, failure);
  if (!host_.logs(level)) return status;
  if (!fields) fields.emplace(x);
  fields->add_outcome(outcome, failure);
  response.add_to(*fields, arrived);
  fields->add_sender(x);
  fields->add_caller(x.caller());
  if (x.chat()) fields->add_self_times(status_.timing(x));
  fields->add_notes(x.notes());
  host_.log_text(level, &x, message_of(outcome, x), fields->text());
  return status;
}

void AccessLog::refused(Exchange& x) const {
  const Failure failure = x.failure();
  const int level = failure.http_status() >= 500 ? GH_WARN : GH_INFO;
  if (!host_.logs(level)) return;
  const Outcome outcome{"failed", failure.code(), failure.http_status()};
  Fields fields(x);
  fields.add_outcome(outcome, failure);
  if (failure.detail().empty()) fields.add_detail(failure.message());
  fields.add_sender(x);
  host_.log_text(level, &x, message_of(outcome, x), fields.text());
}

namespace {

/// A warning: a failure that the client cannot read off the status, which had been sent before.
int level_of(const Outcome& outcome, const Failure& failure) {
  const int status = failure ? failure.http_status() : outcome.status;
  if (outcome.word == "cut" || status >= 500) return GH_ERROR;
  return outcome.word == "failed" && outcome.status < 400 ? GH_WARN : GH_INFO;
}

std::string message_of(const Outcome& outcome, const Exchange& x) {
  std::string message = outcome.word == "ok" ? "← " : "✗ ";
  message.append(std::to_string(outcome.status)).append(" ").append(name_of(x));
  if (outcome.word == "left") message.append(" client left");
  if (outcome.word == "cut") message.append(" cancelled");
  return message;
}

}  // namespace
}  // namespace gatehouse::plugins::access_log

GATEHOUSE_PLUGIN(gatehouse::plugins::access_log::AccessLog, "access-log", "1.0.0",
                 "Logs each request when it arrives and when its response has ended",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_HEAD | GH_PLUGIN_UNLOADS)
