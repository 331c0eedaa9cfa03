#pragma once

#include <string>
#include <string_view>

namespace gatehouse::core {

/// The place of a request in a distributed trace, as it is told to whom the gateway asks (W3C Trace
/// Context 1, version 00).
struct Trace {
  std::string parent;  // the header traceparent: the trace, and the span of this request
  std::string
      state;  // the header tracestate, which belongs to the callers of the gateway; may be empty
};

/// A span of its own in the trace of the caller; in a new trace if `traceparent` is not valid.
Trace begin_span(std::string_view traceparent, std::string_view tracestate);

}  // namespace gatehouse::core
