#pragma once

#include "offer.h"

namespace gatehouse {

/// A call of the model.
struct Call {
  std::string id, name;
  Json input;
  const Offer::Entry* here = nullptr;  // null: it does not run here
  std::string error = {};              // why there is no result, for the model to read
  Json result = Json();
  std::optional<Document> document = {};  // which holds the result

  bool is_answered() const { return result || !error.empty(); }
};

/// Runs calls on their servers, all at the same time, and passes their results on as they come. Not ok: the client has left, or
/// time is up. A result is cut at `max_result` bytes.
Status run_calls(Host host, Exchange& x, Sink& out, const std::vector<Call*>& calls, std::size_t max_result);

}  // namespace gatehouse
