/// The grammar of the events of one response, as abi/event.h has it.
#pragma once

#include <string>
#include <unordered_map>

#include "gatehouse/event.hpp"

namespace gatehouse {
inline namespace v1 {

/// Follows the events of one response.
class EventGrammar {
 public:
  /// `chat`: the chat document of the request, whose calls may get results before the first step.
  explicit EventGrammar(Json chat) : chat_(chat) {}

  /// What is wrong with `e` as the next event, to be put after its kind ("text" + " outside a
  /// step"). Empty: nothing; the event then counts.
  View check(Event e) {
    const View rule = broken_rule(e);
    if (rule.empty()) follow(e);
    return rule;
  }
  /// All steps that have begun are over, and there was one.
  bool is_complete() const { return has_step_ && !in_step_; }

 private:
  /// Of a tool call in the current step.
  enum class Call { input, complete };

  View broken_rule(Event e) const {
    switch (e.kind()) {
      case GH_EV_BYTES: return " is not an event of a model";
      case GH_EV_STEP_START: return in_step_ ? View(" inside a step") : View();
      case GH_EV_STEP_FINISH:
        if (in_step_ && open_inputs_ > 0) return " before the end of a tool call";
        [[fallthrough]];
      case GH_EV_TEXT:
      case GH_EV_REASONING:
      case GH_EV_SOURCE:
      case GH_EV_FILE: return in_step_ ? View() : View(" outside a step");
      case GH_EV_TOOL_INPUT_START:
      case GH_EV_TOOL_INPUT_DELTA:
      case GH_EV_TOOL_CALL:
      case GH_EV_TOOL_CALL_ERROR: return in_step_ ? broken_call(e) : View(" outside a step");
      case GH_EV_TOOL_APPROVAL:
      case GH_EV_TOOL_DENIED:
      case GH_EV_TOOL_OUTPUT:
      case GH_EV_TOOL_OUTPUT_ERROR: return is_known(e.id()) ? View() : View(" without its call");
      default: return {};
    }
  }
  View broken_call(Event e) const {
    const auto call = calls_.find(std::string(e.id()));
    const bool is_new = call == calls_.end();
    if (e.kind() == GH_EV_TOOL_INPUT_START) return is_new ? View() : View(" twice for one call");
    if (e.kind() == GH_EV_TOOL_INPUT_DELTA && is_new) return " before tool-input-start";
    return is_new || call->second == Call::input ? View() : View(" after the call is complete");
  }
  bool is_known(View id) const {
    const auto call = calls_.find(std::string(id));
    if (call != calls_.end()) return call->second == Call::complete;
    for (const Json message : chat_["messages"]) {
      for (const Json part : message["content"]) {
        if (part["id"].str() == id && part["type"].str() == "tool-call") return true;
      }
    }
    return false;
  }

  void follow(Event e) {
    switch (e.kind()) {
      case GH_EV_STEP_START:
        has_step_ = in_step_ = true;
        calls_.clear();
        break;
      case GH_EV_STEP_FINISH: in_step_ = false; break;
      case GH_EV_TOOL_INPUT_START:
        ++open_inputs_;
        calls_.emplace(e.id(), Call::input);
        break;
      case GH_EV_TOOL_CALL:
      case GH_EV_TOOL_CALL_ERROR: {
        const auto [call, is_new] = calls_.emplace(e.id(), Call::complete);
        if (!is_new) --open_inputs_;
        call->second = Call::complete;
        break;
      }
    }
  }

  const Json chat_;
  bool has_step_ = false, in_step_ = false;
  int open_inputs_ = 0;                          // calls of the step that are not complete
  std::unordered_map<std::string, Call> calls_;  // of the step, by id
};

}  // namespace v1
}  // namespace gatehouse
