#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// Writes one log line when a request arrives and one when its answer has ended. Put it first: it times what follows.
class AccessLog final : public Plugin {
 public:
  AccessLog(Host host, Json) : host_(host) {}

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  int code_of(const Exchange& x, const Status& status) const;

  const Host host_;
};

}  // namespace gatehouse
