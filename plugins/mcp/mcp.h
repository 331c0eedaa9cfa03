#pragma once

#include "approvals.h"

namespace gatehouse::plugins::mcp {

/// Offers the tools of MCP servers, and asks the model again, in the same answer, as long as all
/// its tool calls can be answered on this side.
class Mcp final : public Plugin {
 public:
  Mcp(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;
  void adopt(Mcp& older);

 private:
  void add_server(Json config, const std::string& pointer);
  void report();
  bool serves(const Exchange& x) const;
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
