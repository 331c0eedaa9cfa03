#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// Answers GET /health.
class Health final : public Plugin {
 public:
  Health(Host host, Json) : host_(host), route_(host.route("GET", "/health")), started_(host.now()) {}

  /// The gateway has been up since its first configuration, not since the last reload.
  void adopt(Health& older) { started_ = older.started_; }
  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  const Host host_;
  const int route_;
  std::chrono::nanoseconds started_;  // written before the first request
};

}  // namespace gatehouse
