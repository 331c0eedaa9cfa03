/// gatehouse.failures/1: responses that report failures in the form of the API that a plugin
/// serves.
#pragma once

#include <string>

#include "gatehouse/abi/ext/failures.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// [constructor only] render_failures<&Self::render>(host, "/v1/*", "", this): calls
/// `std::string render(Exchange&, const Failure&)`, on many threads at once, for the body of each
/// response that reports a failure below that path. See abi/ext/failures.h.
template <auto Method, class P>
void render_failures(Host host, View path, View header, P* self) {
  const auto* const api = detail::required<gh_failures_api>(host, GH_FAILURES_1);
  if (!api) return;
  const auto render = [](void* plugin, gh_exchange* raw_x, const gh_failure* failure, void* to,
                         void (*append)(void*, gh_str)) {
    (void)detail::guard(raw_x, [&] {
      Exchange x(raw_x);
      const std::string body = (static_cast<P*>(plugin)->*Method)(x, Failure(*failure));
      append(to, raw(body));
      return Status();
    });
  };
  api->render(host.raw_host(), raw(path), raw(header), render, self);
}

}  // namespace v1
}  // namespace gatehouse
