#include "tool_loop.h"

#include "schema.h"
#include "step.h"

namespace gatehouse {

ToolLoop::ToolLoop(Host, Json config) : max_steps_(config["max_steps"].integer(20)) {}

Status ToolLoop::handle(Exchange& x, Sink& out, Next& next) {
  for (std::int64_t steps = 1;; ++steps) {
    Step step(x.chat()["tools"], out);
    if (Status status = next(x, step); !status) return status;
    if (Status status = step.finish(); !status) return status;
    if (!step.calls_for_another() || steps == max_steps_) return Status();
    step.append_to(x.chat().edit("messages"));
  }
}

}  // namespace gatehouse

GATEHOUSE_PLUGIN(gatehouse::ToolLoop, "tool-loop", "1.0.0", "Goes on with the model when its tool calls are answered here", GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
