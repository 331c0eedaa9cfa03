/// gatehouse.background/1: work that belongs to no request.
#pragma once

#include <chrono>

#include "gatehouse/abi/ext/background.h"
#include "gatehouse/host.hpp"
#include "gatehouse/next.hpp"

namespace gatehouse {
inline namespace v1 {

/// [constructor only] background<&Self::watch>(host, this): calls watch(Exchange&) on a thread of
/// its own once the instance serves. It returns when host.sleep(), or whatever it waits in, returns
/// GH_CANCELLED.
template <auto Method, class P>
void background(Host host, P* self) {
  const auto* const api = detail::required<gh_background_api>(host, GH_BACKGROUND_1);
  if (!api) return;
  api->run(
      host.raw_host(),
      [](void* plugin, gh_exchange* raw_x) {
        (void)detail::guard(raw_x, [&] {
          Exchange x(raw_x);
          (static_cast<P*>(plugin)->*Method)(x);
          return Status();
        });
      },
      self);
}

/// [in a background task] For a last message to an upstream after GH_CANCELLED: for `time`, at most
/// 5 s, waits no longer end because the instance does.
inline void linger(Host host, Exchange& x, std::chrono::nanoseconds time) {
  const auto* const api = detail::required<gh_background_api>(host, GH_BACKGROUND_1);
  if (api) api->linger(x.raw(), time.count());
}

}  // namespace v1
}  // namespace gatehouse
