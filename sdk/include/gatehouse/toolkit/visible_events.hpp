/// A response of several steps as one, for clients of APIs that know one call of the model only.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "gatehouse/event.hpp"

namespace gatehouse {
inline namespace v1 {

/// Stands between ModelResponse and the sink that renders its events: drops the calls of tools that
/// run in the gateway or at the provider, with their results. If the chat document does not allow
/// parallel tool calls, it drops all but the first call of a step for the client as well, since not
/// every provider can promise that.
class VisibleEvents final : public Sink {
 public:
  VisibleEvents(Sink& out, Json chat)
      : out_(out), one_call_(!chat["parallel_tool_calls"].boolean(true)) {}

  Status emit(Event e) override {
    switch (e.kind()) {
      case GH_EV_STEP_START:
        reason_ = "stop";
        hidden_.clear();
        call_.clear();
        break;
      case GH_EV_STEP_FINISH: reason_ = e.name(); break;
      case GH_EV_TOOL_OUTPUT:
      case GH_EV_TOOL_OUTPUT_ERROR:
      case GH_EV_TOOL_APPROVAL:
      case GH_EV_TOOL_DENIED: return {};
      case GH_EV_TOOL_INPUT_START:
      case GH_EV_TOOL_INPUT_DELTA:
      case GH_EV_TOOL_CALL:
      case GH_EV_TOOL_CALL_ERROR:
        if (is_hidden(e)) return {};
    }
    return out_.emit(e);
  }

  /// After the end: why the last step ended, as the client sees it: `tool-calls` if and only if it
  /// has calls to run. Not ok: the model failed at its end.
  Result<View> finish_reason() const {
    if (reason_ == "error") {
      return Fail{502, "upstream_malformed", "The model's response cannot be used; try again.",
                  "the step ended with the reason `error`"};
    }
    if (call_.empty() && reason_ == "tool-calls") return View("stop");
    if (!call_.empty() && reason_ == "stop") return View("tool-calls");
    return View(reason_);
  }

 private:
  bool is_hidden(Event e) {
    if (std::find(hidden_.begin(), hidden_.end(), e.id()) != hidden_.end()) return true;
    const bool is_another = one_call_ && !call_.empty() && call_ != e.id();
    if (is_another || e.has(GH_DYNAMIC) || e.has(GH_PROVIDER_EXECUTED)) {
      hidden_.emplace_back(e.id());
      return true;
    }
    if (call_.empty()) call_ = e.id();
    return false;
  }

  Sink& out_;
  const bool one_call_;
  std::string reason_ = "stop";      // also of a step that ends without one
  std::string call_;                 // the client's first call in the step
  std::vector<std::string> hidden_;  // calls of the step
};

}  // namespace v1
}  // namespace gatehouse
