#pragma once

#include <optional>
#include <string>

#include "core/exchange/exchange.h"

namespace gatehouse::core {

/// Handles the requests of one address: the seam between the server, which owns connections, and
/// what decides about responses. Many threads at once.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Handles one request: emits its response to `out`, or fails `x`. Returns the status as a
  /// plugin's handle() does.
  virtual gh_status run(Exchange& x, const gh_sink& out) const = 0;
  /// The server itself rejects the request, with x.failure(): may count it, log it, and add
  /// headers.
  virtual void refused(Exchange&) const {}
  /// The body of the response that reports x.failure(), where a plugin writes it for this path; it
  /// may set the status and headers.
  virtual std::optional<std::string> failure_body(Exchange&) const { return std::nullopt; }
  /// The request is a health check: run() does not wait for it, and the server runs it even above
  /// the limit of running requests.
  virtual bool is_probe(const RequestHead&) const { return false; }
  /// run() may keep its thread outside Waiter: it needs a thread of its own.
  virtual bool may_block() const { return false; }
};

}  // namespace gatehouse::core
