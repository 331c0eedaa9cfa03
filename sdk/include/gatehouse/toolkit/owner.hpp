/// Whose data a request may store and see again.
#pragma once

#include <string>

#include "gatehouse/exchange.hpp"
#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

/// A text that is the same for all requests of one caller, and differs from that of any other: to
/// be hashed, as it may hold credentials. Without an authenticated user or key, callers are told
/// apart by all that a client shows of itself, since a plugin or an upstream of any kind may
/// authorize by it; and by their address, which keeps a client from the data of another whose
/// headers it can guess.
inline std::string owner_of(const Exchange& x) {
  const Caller caller = x.caller();
  std::string owner;
  quote(owner, caller.tenant);
  quote(owner, caller.user);
  if (!caller.user.empty() || !caller.key.empty()) return owner;
  quote(owner, x.client());
  for (const View name : {"Authorization", "Cookie", "X-Api-Key", "X-Extension-ID"})
    quote(owner, x.header(name));
  return owner;
}

}  // namespace v1
}  // namespace gatehouse
