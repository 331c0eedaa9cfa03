/// Who may use the routes of a model's API: callers with a key, which a plugin above has verified.
#pragma once

#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// [constructor only] The setting `anyone`: whether callers need no key. Reports a problem where
/// other machines can reach the gateway.
inline bool lets_anyone(Host host, Json config) {
  const bool anyone = config["anyone"].boolean();
  if (anyone && host.is_exposed()) {
    host.problem("/anyone",
                 "must be false where other machines can reach server.listen: give callers keys, "
                 "or listen on a loopback address");
  }
  return anyone;
}

inline Status check_caller(const Exchange& x, bool anyone) {
  if (anyone || !x.caller().key.empty()) return {};
  return Fail{401,
              "invalid_api_key",
              "An API key of this gateway is needed: send it as Authorization: Bearer KEY, or as "
              "x-api-key: KEY.",
              {}};
}

}  // namespace v1
}  // namespace gatehouse
