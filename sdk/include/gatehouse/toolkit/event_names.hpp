/// One table of the kinds of events: what caches, recorders and tests write and read them by.
#pragma once

#include <cstddef>

#include "gatehouse/event.hpp"

namespace gatehouse {
inline namespace v1 {

struct EventName {
  int kind;
  View word;
  /// The members that identify it in a line of text, in order. i: id, n: name, t: text, j: json.
  View members;
  /// A response of such events alone can be replayed later: it had no effects on its way.
  bool is_cacheable;
};

inline constexpr EventName kEventNames[] = {
    {GH_EV_BYTES, "bytes", "t", false},
    {GH_EV_STEP_START, "step-start", "", true},
    {GH_EV_TEXT, "text", "t", true},
    {GH_EV_REASONING, "reasoning", "t", true},
    {GH_EV_TOOL_INPUT_START, "tool-input-start", "in", false},
    {GH_EV_TOOL_INPUT_DELTA, "tool-input-delta", "it", false},
    {GH_EV_TOOL_CALL, "tool-call", "inj", false},
    {GH_EV_TOOL_CALL_ERROR, "tool-call-error", "intj", false},
    {GH_EV_TOOL_OUTPUT, "tool-output", "ij", false},
    {GH_EV_TOOL_OUTPUT_ERROR, "tool-output-error", "it", false},
    {GH_EV_SOURCE, "source", "int", true},
    {GH_EV_FILE, "file", "nt", true},
    {GH_EV_USAGE, "usage", "j", true},
    {GH_EV_STEP_FINISH, "step-finish", "n", true},
    {GH_EV_TOOL_APPROVAL, "tool-approval", "it", false},
    {GH_EV_TOOL_DENIED, "tool-denied", "i", false},
    {GH_EV_DATA, "data", "nj", true},
    {GH_EV_RESPONSE, "response", "j", true},
    {GH_EV_WARNING, "warning", "nt", true},
    {GH_EV_CUSTOM, "custom", "nj", false},
};

/// Null: a kind that this version does not know.
inline const EventName* name_of(int kind) {
  for (const EventName& e : kEventNames) {
    if (e.kind == kind) return &e;
  }
  return nullptr;
}
inline const EventName* name_of(View word) {
  for (const EventName& e : kEventNames) {
    if (e.word == word) return &e;
  }
  return nullptr;
}

}  // namespace v1
}  // namespace gatehouse
