#include "traces.h"

#include <algorithm>
#include <cstdlib>

#include "chat_spans.h"
#include "gatehouse/toolkit/outcome.hpp"
#include "gatehouse/toolkit/trace_parent.hpp"
#include "names.h"
#include "schema.h"
#include "span.h"

// The place of a request in its trace is in the exchange alone: Exchange::trace() holds the id of
// the trace, that of the span around, and whether it is recorded. The span of a request has the id
// that the gateway gave it; that of a model call replaces it for as long as the call lasts, so that
// the provider's own spans have the right parent.

namespace gatehouse::plugins::traces {
namespace {

View method_of(const Exchange& x);
void set_outcome(Span& span, const Outcome& outcome);
std::string reason_of(const Outcome& outcome);

}  // namespace

Traces::Traces(Host host, Json config)
    : host_(host), context_(host), ratio_(config["ratio"].real()), exporter_(host, config) {
  around<&Traces::chat>(host, GH_AROUND_CHATS, this);
  around<&Traces::model>(host, GH_AROUND_MODELS, this);
  background<&Traces::send>(host, this);
}

Status Traces::handle(Exchange& x, Sink& out, Next& next) {
  const std::string trace_id(TraceParent(x.trace()).trace_id);
  const std::string span_id(TraceParent(x.trace()).span_id);
  const View parent = client_span_of(x);
  const bool is_recorded = parent.empty() ? is_chosen(trace_id) : TraceParent(x.trace()).sampled;
  if (!is_recorded) return next(x, out);

  context_.set(x, make_traceparent(trace_id, span_id, true));
  const SpanClock clock(host_);
  const auto began = clock.now();
  Status status = next(x, out);

  Span span(trace_id, span_id, parent, SpanKind::kServer);
  const View method = method_of(x);
  std::string name(method == "_OTHER" ? "HTTP" : method);
  span.set(names::kMethod, method).set(names::kRequestId, x.request_id());
  if (const View route = x.route_path(); !route.empty()) {
    span.set(names::kRoute, route);
    name.append(" ").append(route);
  }
  set_outcome(span, outcome_of(host_, x, status));
  exporter_.add(span.end(name, began, clock.now()));
  return status;
}

Status Traces::chat(Exchange& x, Sink& out, Next& next) {
  if (!TraceParent(x.trace()).sampled) return next(x, out);
  ToolSpans tools(host_, x, out, exporter_);
  return next(x, tools);
}

/// A provider that passes the chat on to another one has no span.
Status Traces::model(Exchange& x, Sink& out, Next& next) {
  if (!TraceParent(x.trace()).sampled) return next(x, out);
  const std::string before(x.trace()), id = new_span_id();
  const TraceParent around(before);
  std::string parent(around.span_id);
  {
    const std::lock_guard lock(mutex_);
    if (const auto passes_on = models_.extract(parent)) parent = passes_on.mapped();
    models_.emplace(id, parent);
  }
  context_.set(x, make_traceparent(around.trace_id, id, true));
  ModelCall call(host_, out);
  Status status = next(x, call);
  context_.set(x, before);
  {
    const std::lock_guard lock(mutex_);
    if (models_.erase(id) == 0) return status;
  }
  Span span(around.trace_id, id, parent, SpanKind::kClient);
  call.describe(span, x);
  if (!status) span.fail(reason_of(outcome_of(host_, x, status)));
  exporter_.add(
      call.end(span, std::string(names::kChat).append(" ").append(x.chat()["model"].str())));
  return status;
}

/// By the trace id, so that all services with this ratio choose the same traces.
bool Traces::is_chosen(View trace_id) const {
  constexpr std::size_t kDigits = 14;
  constexpr double kAll = 72057594037927936.0;  // 2^56: 14 hexadecimal digits
  const std::string tail(trace_id.substr(trace_id.size() - std::min(kDigits, trace_id.size())));
  return static_cast<double>(std::strtoull(tail.c_str(), nullptr, 16)) < ratio_ * kAll;
}

namespace {

/// http.request.method: one of RFC 9110 and PATCH, so that clients cannot invent values.
View method_of(const Exchange& x) {
  constexpr View kKnown[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                             "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  const auto* const found = std::find(std::begin(kKnown), std::end(kKnown), x.method());
  return found == std::end(kKnown) ? "_OTHER" : *found;
}

/// A mistake of the client is no error of a server's span.
void set_outcome(Span& span, const Outcome& outcome) {
  span.set(names::kStatus, std::int64_t{outcome.status});
  const bool failed_in_stream = outcome.word == "failed" && outcome.status < 400;
  if (outcome.status >= 500 || failed_in_stream || outcome.word == "cut")
    span.fail(reason_of(outcome));
}

std::string reason_of(const Outcome& outcome) {
  if (outcome.word == "left") return "client_disconnected";
  return outcome.code.empty() ? std::to_string(outcome.status) : std::string(outcome.code);
}

}  // namespace
}  // namespace gatehouse::plugins::traces

GATEHOUSE_PLUGIN(gatehouse::plugins::traces::Traces, "traces", "1.0.0",
                 "Exports traces of requests, model calls and tools to an OpenTelemetry collector",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_UNLOADS)
