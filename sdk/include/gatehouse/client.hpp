/// gatehouse.client/1: what the gateway knows of a request's client.
#pragma once

#include "gatehouse/abi/ext/client.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// The client's side of a request. Any thread.
class ClientSide {
 public:
  explicit ClientSide(Host host) : api_(detail::required<gh_client_api>(host, GH_CLIENT_1)) {}

  /// Whether the client of `x` has disconnected; see abi/ext/client.h. On the thread of `x`.
  bool has_left(const Exchange& x) const { return api_->has_left(x.raw()) != 0; }

 private:
  const gh_client_api* api_;
};

}  // namespace v1
}  // namespace gatehouse
