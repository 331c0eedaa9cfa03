#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::access_log {

/// Logs each request twice: when it arrives, and when its response has ended. Put it first, so
/// that it times all other plugins.
class AccessLog final : public Plugin {
 public:
  AccessLog(Host host, Json) : host_(host), status_(host) {}

  Status handle(Exchange& x, Sink& out, Next& next) override;
  /// Logs a request that the server rejected, which no handle() sees.
  void refused(Exchange& x) const;

 private:
  const Host host_;
  const GatewayStatus status_;
};

}  // namespace gatehouse::plugins::access_log
