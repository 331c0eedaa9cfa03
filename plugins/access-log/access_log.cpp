#include "access_log.h"

#include <algorithm>
#include <cstdlib>

#include "gatehouse/toolkit/outcome.hpp"
#include "schema.h"

namespace gatehouse::plugins::access_log {
namespace {

// Of what a client sends, in a log line. The server takes longer ones, and of a request that it
// refuses anything.
constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::size_t kMaxPathBytes = 2048;
constexpr std::size_t kMaxHeaderBytes = 256;  // user agents of browsers have some 120

/// Passes an answer on, and keeps the time of its first event and the length of its body.
class Measured final : public Sink {
 public:
  Measured(Sink& out, Host host) : out_(out), host_(host) {}

  Status emit(Event event) override {
    if (!began_) began_ = host_.now();
    bytes_ += event.text().size();
    return out_.emit(event);
  }
  std::optional<std::chrono::nanoseconds> began() const { return began_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Sink& out_;
  const Host host_;
  std::optional<std::chrono::nanoseconds> began_;
  std::size_t bytes_ = 0;
};

bool is_extension_id(View text) {
  return text.size() == 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// The trace that the request is part of, and its place there (W3C Trace Context, traceparent of
/// version 00).
void add_trace(MutableJson fields, Exchange& x) {
  constexpr std::size_t kTraceAt = 3, kSpanAt = 36;
  const View trace = x.trace(), from = x.header("traceparent");
  if (trace.empty()) return;
  const View trace_id = trace.substr(kTraceAt, 32);
  fields.edit("trace_id").set(trace_id);
  fields.edit("span_id").set(trace.substr(kSpanAt, 16));
  // The gateway goes on with a trace if it is a valid one.
  if (from.size() == trace.size() && from.substr(kTraceAt, 32) == trace_id)
    fields.edit("parent_id").set(from.substr(kSpanAt, 16));
}

View method_of(const Exchange& x) { return x.method().substr(0, kMaxMethodBytes); }
View path_of(const Exchange& x) { return x.path().substr(0, kMaxPathBytes); }

/// "POST /api/chat"
std::string name_of(const Exchange& x) {
  return std::string(method_of(x)).append(" ").append(path_of(x));
}

/// What is known when a request comes.
void add_request(MutableJson fields, Exchange& x) {
  fields.edit("method").set(method_of(x));
  fields.edit("path").set(path_of(x));
  fields.edit("peer").set(x.peer());
  if (x.client() != x.peer()) fields.edit("client").set(x.client());
  // What a client claims without the right form is not worth a line; extension-auth refuses it.
  if (const View id = x.header("X-Extension-ID"); is_extension_id(id))
    fields.edit("extension_id").set(id);
  add_trace(fields, x);
}

void add_outcome(MutableJson fields, const Outcome& outcome, const Failure& failure) {
  fields.edit("status").set(outcome.status);
  fields.edit("outcome").set(outcome.word);
  if (!outcome.code.empty()) fields.edit("code").set(outcome.code);
  if (!failure.detail().empty()) fields.edit("detail").set(failure.detail());
}

/// A failure that the client cannot read off the status, as the head had left, is for the operator
/// to see.
int level_of(const Outcome& outcome, const Failure& failure) {
  if (outcome.word == "cut" || (failure ? failure.http_status() : outcome.status) >= 500)
    return GH_ERROR;
  return outcome.word == "failed" && outcome.status < 400 ? GH_WARN : GH_INFO;
}

/// What a request weighs, and what sent it.
void add_sender(MutableJson fields, Exchange& x) {
  if (const View length = x.header("Content-Length"); !length.empty())
    fields.edit("bytes_in")
        .set(std::int64_t{std::strtoll(std::string(length).c_str(), nullptr, 10)});
  const auto set = [&](View name, View header) {
    if (!header.empty()) fields.edit(name).set(header.substr(0, kMaxHeaderBytes));
  };
  set("host", x.header("Host"));
  set("user_agent", x.header("User-Agent"));
}

void add_caller(MutableJson fields, const Caller& caller) {
  const auto set = [&](View name, View text) {
    if (!text.empty()) fields.edit(name).set(text);
  };
  set("caller", caller.tenant);
  set("user", caller.user);
  set("key", caller.key);
}

}  // namespace

Status AccessLog::handle(Exchange& x, Sink& out, Next& next) {
  const auto started = host_.now();
  const std::string request = name_of(x);
  const Document document;
  MutableJson fields = document.root();
  add_request(fields, x);
  host_.log(GH_INFO, &x, "→ " + request, fields);

  Measured answer(out, host_);
  Status status = next(x, answer);

  const Failure failure = status.failure();
  const Outcome outcome = outcome_of(host_, x, status);
  add_outcome(fields, outcome, failure);
  fields.edit("ms").set(in_ms(host_.now() - started));
  if (answer.began()) fields.edit("ttfb_ms").set(in_ms(*answer.began() - started));
  add_sender(fields, x);
  fields.edit("bytes_out").set(static_cast<std::int64_t>(answer.bytes()));
  add_caller(fields, x.caller());
  for (const auto [key, value] : x.notes().members()) {
    if (!fields[key]) fields.edit(key).set(value);
  }
  if (x.chat()) add_times(x, fields.edit("self_ms"));

  std::string message = outcome.word == "ok" ? "← " : "✗ ";
  message.append(std::to_string(outcome.status)).append(" ").append(request);
  if (outcome.word == "left") message.append(" client left");
  if (outcome.word == "cut") message.append(" cancelled");
  host_.log(level_of(outcome, failure), &x, message, fields);
  return status;
}

void AccessLog::refused(Exchange& x) const {
  const Failure failure = x.failure();
  const Document document;
  add_request(document.root(), x);
  add_outcome(document.root(), {"failed", failure.code(), failure.http_status()}, failure);
  if (failure.detail().empty()) document.root().edit("detail").set(failure.message());
  add_sender(document.root(), x);
  host_.log(failure.http_status() >= 500 ? GH_WARN : GH_INFO, &x,
            "✗ " + std::to_string(failure.http_status()) + " " + name_of(x), document.root());
}

/// From "cache;dur=1.250, model;dur=840.000": {"cache": 1.25, "model": 840}.
void AccessLog::add_times(const Exchange& x, MutableJson times) const {
  constexpr View kDuration = ";dur=", kNext = ", ";
  times.set_object();
  const std::string timing = status_.timing(x);
  for (std::size_t at = 0; at < timing.size();) {
    const std::size_t end = std::min(timing.find(kNext, at), timing.size()),
                      middle = timing.find(kDuration, at);
    if (middle >= end) break;
    times.edit(View(timing).substr(at, middle - at))
        .set(std::atof(timing.c_str() + middle + kDuration.size()));
    at = end + kNext.size();
  }
}

}  // namespace gatehouse::plugins::access_log

GATEHOUSE_PLUGIN(gatehouse::plugins::access_log::AccessLog, "access-log", "1.0.0",
                 "One log line per request and one per answer", GATEHOUSE_SCHEMA, GH_PLUGIN_HEAD)
