/// The parts of a traceparent (W3C Trace Context, version 00).
#pragma once

#include <string>

#include "gatehouse/exchange.hpp"

namespace gatehouse {
inline namespace v1 {

/// A view of Exchange::trace(), which is a valid traceparent, or empty: then so is everything here.
struct TraceParent {
  explicit TraceParent(View traceparent) {
    if (traceparent.empty()) return;
    trace_id = traceparent.substr(3, 32);
    span_id = traceparent.substr(36, 16);
    sampled = View("13579bdf").find(traceparent[54]) != View::npos;  // the lowest bit of the flags
  }

  View trace_id, span_id;
  bool sampled = false;
};

/// The span of the client that sent the request; empty if its trace began in the gateway, which
/// continues the client's only if that header is valid.
inline View client_span_of(const Exchange& x) {
  const View trace = x.trace(), sent = x.header("traceparent");
  const bool continues = !trace.empty() && sent.size() == trace.size() &&
                         TraceParent(sent).trace_id == TraceParent(trace).trace_id;
  return continues ? TraceParent(sent).span_id : View();
}

inline std::string make_traceparent(View trace_id, View span_id, bool sampled) {
  return std::string("00-").append(trace_id).append("-").append(span_id).append(sampled ? "-01"
                                                                                        : "-00");
}

}  // namespace v1
}  // namespace gatehouse
