#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::access_log {

/// Writes one log line when a request arrives and one when its answer has ended. Put it first: it
/// times what follows.
class AccessLog final : public Plugin {
 public:
  AccessLog(Host host, Json) : host_(host), status_(host) {}

  Status handle(Exchange& x, Sink& out, Next& next) override;
  /// One line: it has no other answer than the server's.
  void refused(Exchange& x) const;

 private:
  void add_times(const Exchange& x, MutableJson fields) const;

  const Host host_;
  const GatewayStatus status_;
};

}  // namespace gatehouse::plugins::access_log
