/// gatehouse.status/1: what the gateway knows about itself.
#pragma once

#include <string>

#include "gatehouse/abi/ext/status.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// What the gateway knows about itself. Any thread.
class GatewayStatus {
 public:
  explicit GatewayStatus(Host host)
      : host_(host.raw_host()), api_(detail::required<gh_status_api>(host, GH_STATUS_1)) {}
  /// Members: sdk/README.md.
  void report(MutableJson into) const { api_->report(host_, into.raw()); }
  /// All series, in the Prometheus text format 0.0.4.
  std::string metrics() const {
    std::string out;
    api_->metrics(host_, &out, append);
    return out;
  }
  /// Appends the value of a Server-Timing header.
  void timing(const Exchange& x, std::string& out) const {
    api_->timing(host_, x.raw(), &out, append);
  }
  std::string timing(const Exchange& x) const {
    std::string out;
    timing(x, out);
    return out;
  }

 private:
  static void append(void* to, gh_str text) {
    static_cast<std::string*>(to)->append(text.p, text.n);
  }
  const gh_host* host_;
  const gh_status_api* api_;
};

}  // namespace v1
}  // namespace gatehouse
