/// gatehouse.share/1: one response for several requests.
#pragma once

#include "gatehouse/abi/ext/share.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// Lets the response of an exchange outlive its client for others who share it. Any thread.
class Share {
 public:
  explicit Share(Host host) : api_(detail::required<gh_share_api>(host, GH_SHARE_1)) {}

  /// While `wanted`, a callable that returns bool, returns true, the client neither slows nor ends
  /// this request; see abi/ext/share.h. It must live until end(). An exception counts as false.
  template <class F>
  void outlive(Exchange& x, F& wanted) const {
    api_->outlive(
        x.raw(),
        [](void* self) -> int {
          try {
            return (*static_cast<F*>(self))();
          } catch (...) {
            return 0;
          }
        },
        &wanted);
  }
  void end(Exchange& x) const { api_->outlive(x.raw(), nullptr, nullptr); }

 private:
  const gh_share_api* api_;
};

}  // namespace v1
}  // namespace gatehouse
