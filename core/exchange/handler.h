#pragma once

#include "core/exchange/exchange.h"

namespace gatehouse::core {

/// Handles the requests of one address. Many threads at once.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual gh_status run(Exchange& x, const gh_sink& out) const = 0;
  /// The server has rejected the request with x.failure().
  virtual void refused(Exchange&) const {}
  /// The request is a health probe: its response needs no waiting, so it is accepted beyond the
  /// limit of running requests.
  virtual bool is_probe(const RequestHead&) const { return false; }
};

}  // namespace gatehouse::core
