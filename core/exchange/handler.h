#pragma once

#include "core/exchange/exchange.h"

namespace gatehouse::core {

/// What answers the requests of one address: on many threads at once.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual gh_status run(Exchange& x, const gh_sink& out) const = 0;
  /// The server answers the request itself, with x.failure().
  virtual void refused(Exchange&) const {}
  /// It is answered without waiting, and even when too many others are running: it asks how the
  /// gateway is.
  virtual bool is_probe(const RequestHead&) const { return false; }
};

}  // namespace gatehouse::core
