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

/// How much of the results of its tools one request takes, in bytes.
struct Allowance {
  std::size_t per_result;
  // Providers take requests of about 20 MB. What is beyond that would be cut from the model's memory anyway.
  std::size_t left = 16 << 20;

  std::size_t next() const { return per_result < left ? per_result : left; }
};

/// Runs calls on their servers, all at the same time, and passes their results on as they come. Not ok: the client has left, or
/// time is up. What is longer than allowed is cut.
Status run_calls(Host host, Exchange& x, Sink& out, const std::vector<Call*>& calls, Allowance& allowance);

/// Adds what the model reads of an answered call to the content of a message of the role tool.
void add_tool_result(MutableJson content, const Call& call);

}  // namespace gatehouse
