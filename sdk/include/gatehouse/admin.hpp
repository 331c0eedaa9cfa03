/// gatehouse.admin/1: routes of the operator's address.
#pragma once

#include "gatehouse/abi/ext/admin.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// [constructor only] admin_route<&Self::list>(host, this, "GET", "/list", "What it lists"): calls
/// `Status list(Exchange&, Sink&)` for requests of "/INSTANCE/list" on the admin address, whose
/// callers have sent its token.
template <auto Method, class P>
void admin_route(Host host, P* self, View method, View path, View summary) {
  const auto* const api = detail::required<gh_admin_api>(host, GH_ADMIN_1);
  if (!api) return;
  const gh_host* const raw_host = host.raw_host();
  self->template add_route<Method, P>(api->route(raw_host, raw(method), raw(path), raw(summary)));
}

}  // namespace v1
}  // namespace gatehouse
