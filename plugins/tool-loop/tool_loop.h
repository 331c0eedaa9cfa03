#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// Asks the model again, in the same answer, as long as all its tool calls can be answered on this side.
class ToolLoop final : public Plugin {
 public:
  ToolLoop(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  const std::int64_t max_steps_;
};

}  // namespace gatehouse
