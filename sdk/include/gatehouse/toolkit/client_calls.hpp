/// Tool calls one after another, for clients whose API cannot mix the pieces of several.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/events.hpp"
#include "gatehouse/exchange.hpp"
#include "gatehouse/toolkit/call_ids.hpp"

namespace gatehouse {
inline namespace v1 {

namespace detail {
/// An event that outlives emit().
struct KeptEvent {
  explicit KeptEvent(Event e)
      : kind(e.kind()),
        id(e.id()),
        name(e.name()),
        text(e.text()),
        json(copy_of(e.json())),
        metadata(copy_of(e.metadata())) {}

  gh_event event() const {
    gh_event e = event::make(kind);
    e.id = raw(id);
    e.name = raw(name);
    e.text = raw(text);
    e.json = json ? json->root().raw() : nullptr;
    e.metadata = metadata ? metadata->root().raw() : nullptr;
    return e;
  }

  static std::optional<Document> copy_of(Json value) {
    if (!value) return std::nullopt;
    Document copy;
    copy.root().set(value);
    return copy;
  }

  int kind;
  std::string id, name, text;
  std::optional<Document> json, metadata;
};
}  // namespace detail

/// Stands before the sink that renders the events: what comes before the end of a call, and does
/// not belong to it, waits. Each call arrives there as tool-input-start with the id for the client,
/// its input as pieces that are not empty, and tool-call.
///
/// A call begins with the second piece of its input, or at its end: its id carries the metadata of
/// the call, which comes at the end, and providers whose calls have metadata send their input as
/// one piece. A call that cannot be carried out is left out; when it has begun, the response fails.
class ClientCalls final : public Sink {
 public:
  /// `x` has the chat document.
  ClientCalls(Sink& out, Exchange& x, const CallIds& ids) : out_(out), x_(x), ids_(ids) {}

  Status emit(Event e) override {
    if (call_ && is_content(e.kind()) && call_->id != e.id()) {
      waiting_.emplace_back(e);
      return {};
    }
    switch (e.kind()) {
      case GH_EV_STEP_START: has_calls_ = false; break;
      case GH_EV_TOOL_INPUT_START:
        call_.emplace(Call{std::string(e.id()), std::string(e.name())});
        return {};
      case GH_EV_TOOL_INPUT_DELTA: return add(e.text());
      case GH_EV_TOOL_CALL: return e.json().is_object() ? end_call(e) : drop_call(e);
      case GH_EV_TOOL_CALL_ERROR: return drop_call(e);
    }
    return out_.emit(e);
  }

  /// After the end of a step: not ok when it ended for calls of which none could be read.
  Status end(View finish_reason) const {
    if (finish_reason != "tool-calls" || has_calls_) return {};
    return unreadable("no call of the step could be read");
  }

 private:
  struct Call {
    std::string id, name;
    std::string given_id{};  // the client's; empty: it has not begun
    std::string input{};     // until it begins
  };

  static bool is_content(int kind) {
    switch (kind) {
      case GH_EV_TEXT:
      case GH_EV_REASONING:
      case GH_EV_TOOL_INPUT_START:
      case GH_EV_TOOL_INPUT_DELTA:
      case GH_EV_TOOL_CALL:
      case GH_EV_TOOL_CALL_ERROR: return true;
      default: return false;
    }
  }
  static Status unreadable(View why) {
    return Fail{502, "upstream_malformed", "The model's tool call cannot be read; try again.",
                std::string(why)};
  }

  /// A plugin below informs the model that a tool which the client has not sent does not exist.
  bool is_offered(View tool) const {
    for (const Json each : x_.chat()["tools"]) {
      if (each["name"].str() == tool) return true;
    }
    return false;
  }

  Status add(View piece) {
    if (!call_->given_id.empty()) {
      if (piece.empty()) return {};
      return out_.emit(event::tool_input_delta(call_->given_id, piece));
    }
    const bool is_second = !trim(call_->input).empty() && !piece.empty();
    call_->input.append(piece);
    return is_second && is_offered(call_->name) ? begin(Json()) : Status();
  }

  Status begin(Json metadata) {
    call_->given_id = ids_.id_for_client(x_, call_->id, metadata);
    has_calls_ = true;
    if (Status s = out_.emit(event::tool_input_start(call_->given_id, call_->name)); !s) return s;
    return out_.emit(event::tool_input_delta(call_->given_id, call_->input));
  }

  Status end_call(Event e) {
    if (!call_) call_.emplace(Call{std::string(e.id()), std::string(e.name())});
    if (call_->given_id.empty()) {
      if (trim(call_->input).empty()) call_->input = e.json().dump();
      if (Status s = begin(e.metadata()); !s) return s;
    }
    if (Status s = out_.emit(e.with_id(call_->given_id)); !s) return s;
    call_.reset();
    return emit_waiting();
  }

  Status drop_call(Event e) {
    if (call_ && !call_->given_id.empty()) return unreadable(e.text());
    call_.reset();
    return emit_waiting();
  }

  Status emit_waiting() {
    const std::vector<detail::KeptEvent> waiting = std::exchange(waiting_, {});
    for (const detail::KeptEvent& kept : waiting) {
      if (Status s = emit(kept.event()); !s) return s;
    }
    return {};
  }

  Sink& out_;
  Exchange& x_;
  const CallIds& ids_;
  std::optional<Call> call_;                // the one that is open
  std::vector<detail::KeptEvent> waiting_;  // for its end
  bool has_calls_ = false;                  // in this step
};

}  // namespace v1
}  // namespace gatehouse
