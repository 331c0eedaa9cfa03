#pragma once

#include "approvals.h"

namespace gatehouse::plugins::mcp {

/// Offers the tools of MCP servers to the model, runs the calls of them, and calls the model again,
/// within the same response, as long as all its tool calls have results.
class Mcp final : public Plugin {
 public:
  Mcp(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  void adopt(Mcp& older);
  /// What cannot be found out again: the key that open questions are signed with, and what the
  /// tools of each server were.
  std::string save();
  bool restore(View saved);

 private:
  bool serves(const Exchange& x) const;
  void add_server(Json config, const std::string& pointer);
  void report();
  Status describe(Exchange& x, Sink& out);

  const Host host_;
  const std::int64_t max_steps_, max_total_steps_;
  const std::size_t max_calls_, max_result_, max_results_;
  const bool anyone_;
  Approvals approvals_;
  std::mutex health_mutex_;  // keeps reports in order
  Servers servers_;
};

}  // namespace gatehouse::plugins::mcp
