#include "core/testing/grammar.h"

namespace gatehouse::testing {

const char* Grammar::see(const Event& e) {
  switch (e.kind()) {
    case GH_EV_BYTES:
      has_bytes_ = true;
      return has_step_ ? "GH_EV_BYTES among the events of a model" : nullptr;
    case GH_EV_STEP_START:
      if (in_step_) return "GH_EV_STEP_START inside a step: GH_EV_STEP_FINISH is missing";
      in_step_ = has_step_ = true;
      calls_.clear();
      return nullptr;
    case GH_EV_STEP_FINISH: {
      if (!in_step_) return "GH_EV_STEP_FINISH outside a step";
      in_step_ = false;
      for (const auto& [id, call] : calls_) {
        if (call == Call::begun) return "a tool input that ends in neither a call nor an error";
      }
      return nullptr;
    }
    case GH_EV_TEXT:
    case GH_EV_REASONING:
    case GH_EV_SOURCE:
    case GH_EV_FILE:
      return in_step_ ? nullptr : "content outside a step: GH_EV_STEP_START is missing";
    default: return see_tool(e);
  }
}

const char* Grammar::see_tool(const Event& e) {
  const std::string id(e.id());
  const auto known = calls_.find(id);
  switch (e.kind()) {
    case GH_EV_TOOL_INPUT_START:
      if (!in_step_) return "a tool call outside a step";
      if (!calls_.emplace(id, Call::begun).second) return "two tool calls of one id in a step";
      return nullptr;
    case GH_EV_TOOL_INPUT_DELTA:
      return known != calls_.end() && known->second == Call::begun
                 ? nullptr
                 : "GH_EV_TOOL_INPUT_DELTA without GH_EV_TOOL_INPUT_START";
    case GH_EV_TOOL_CALL:
    case GH_EV_TOOL_CALL_ERROR:
      if (!in_step_) return "a tool call outside a step";
      if (known != calls_.end() && known->second != Call::begun) {
        return "two tool calls of one id in a step";
      }
      calls_[id] = Call::called;
      return nullptr;
    default: return nullptr;  // results may come after the step, and of calls of the history
  }
}

const char* Grammar::end() const {
  return in_step_ ? "a response that ends inside a step: GH_EV_STEP_FINISH is missing" : nullptr;
}

}  // namespace gatehouse::testing
