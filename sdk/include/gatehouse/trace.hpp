/// gatehouse.trace/1: for plugins that trace requests.
#pragma once

#include "gatehouse/abi/ext/trace.h"
#include "gatehouse/host.hpp"
#include "gatehouse/next.hpp"

namespace gatehouse {
inline namespace v1 {

/// Replaces the traceparent that Exchange::trace() returns and upstream calls send. Any request.
class TraceContext {
 public:
  explicit TraceContext(Host host) : api_(detail::required<gh_trace_api>(host, GH_TRACE_1)) {}
  /// False: it is no traceparent of version 00.
  bool set(Exchange& x, View traceparent) const {
    return api_->set(x.raw(), raw(traceparent)) == GH_OK;
  }

 private:
  const gh_trace_api* api_;
};

/// [constructor only] around<&Self::model>(host, GH_AROUND_MODELS, this): calls
/// `Status model(Exchange&, Sink&, Next&)` at that place of the pipeline too.
template <auto Method, class P>
void around(Host host, int place, P* self) {
  const auto* const api = detail::required<gh_trace_api>(host, GH_TRACE_1);
  if (!api) return;
  const auto handle = [](void* plugin, gh_exchange* raw_x, const gh_sink* out,
                         const gh_next* next) -> gh_status {
    return detail::guard(raw_x, [&] {
      Exchange x(raw_x);
      detail::HostSink sink(out, raw_x);
      Next rest(next);
      return (static_cast<P*>(plugin)->*Method)(x, sink, rest);
    });
  };
  api->around(host.raw_host(), place, handle, self);
}

}  // namespace v1
}  // namespace gatehouse
