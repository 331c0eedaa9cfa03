#pragma once

#include "offer.h"

namespace gatehouse::plugins::mcp {

/// A call of the model.
struct Call {
  std::string id, name;
  Json input;
  const Offer::Entry* here = nullptr;  // null: it does not run here
  std::string error = {};              // why it failed or did not run, for the model to read
  Json result = Json();
  std::optional<Document> document = {};  // which holds the result

  bool has_result() const { return result || !error.empty(); }
};

/// What the tools of one request may cost.
struct Allowance {
  std::size_t calls_of_step;
  std::size_t bytes_of_result, bytes_left;  // bytes_left: of all further results

  std::size_t next() const { return bytes_of_result < bytes_left ? bytes_of_result : bytes_left; }
  std::string rejection() const {
    return "Too many calls at once: only " + std::to_string(calls_of_step) +
           " calls of a step are run. Make the others in the next step.";
  }
};

/// Runs calls on their servers, all at the same time, and passes their results on as they arrive;
/// longer results than allowed are cut. Not ok: the client has left, or time is up.
Status run_calls(Host host, Exchange& x, Sink& out, const std::vector<Call*>& calls,
                 Allowance& allowance);

/// Adds what the model reads of a call that has a result to the content of a message of role tool.
void add_tool_result(MutableJson content, const Call& call);

}  // namespace gatehouse::plugins::mcp
