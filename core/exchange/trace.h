#pragma once

#include <string>
#include <string_view>

namespace gatehouse::core {

/// The place of a request in a distributed trace, as sent to upstreams (W3C Trace Context 1,
/// version 00).
struct Trace {
  std::string parent;  // the header traceparent: the trace, and the span of this request
  std::string state;   // the header tracestate of the caller; may be empty
};

/// A header traceparent of version 00.
bool is_traceparent(std::string_view text);

/// A new span in the caller's trace, or in a new trace if `traceparent` is not valid.
Trace begin_span(std::string_view traceparent, std::string_view tracestate);

}  // namespace gatehouse::core
