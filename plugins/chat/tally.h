#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/outcome.hpp"

namespace gatehouse::plugins::chat {

/// Passes the events of an answer on, and notes for the access log how the model gave it.
class Tally final : public Sink {
 public:
  Tally(Sink& out, Host host, std::chrono::nanoseconds began)
      : out_(out), host_(host), began_(began) {}

  Status emit(Event e) override {
    switch (e.kind()) {
      case GH_EV_STEP_START: ++steps_; break;
      case GH_EV_TEXT:
      case GH_EV_REASONING:
        if (!e.text().empty()) heard();
        break;
      case GH_EV_TOOL_INPUT_START: heard(); break;
      case GH_EV_TOOL_CALL:
      case GH_EV_TOOL_CALL_ERROR:
        heard();
        ++tool_calls_;
        break;
    }
    return out_.emit(e);
  }

  void note(MutableJson notes) const {
    if (first_) notes.edit("ttft_ms").set(in_ms(*first_));
    if (steps_ > 0) notes.edit("steps").set(steps_);
    if (tool_calls_ > 0) notes.edit("tool_calls").set(tool_calls_);
  }

 private:
  void heard() {
    if (!first_) first_ = host_.now() - began_;
  }

  Sink& out_;
  const Host host_;
  const std::chrono::nanoseconds began_;
  std::optional<std::chrono::nanoseconds>
      first_;  // until the model's first word, thought or tool call
  std::int64_t steps_ = 0, tool_calls_ = 0;
};

}  // namespace gatehouse::plugins::chat
