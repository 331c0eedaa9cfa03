/// What every ingress plugin does with a response of the plugins below it: checks the order of its
/// events, counts its tokens and notes for the access log what the model did.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gatehouse/host.hpp"
#include "gatehouse/toolkit/event_grammar.hpp"
#include "gatehouse/toolkit/event_names.hpp"
#include "gatehouse/toolkit/outcome.hpp"
#include "gatehouse/toolkit/token_counts.hpp"

namespace gatehouse {
inline namespace v1 {

/// Stands between the plugins below and the sink that renders their events: passes on what keeps
/// the grammar of abi/event.h. An event that breaks it fails the request in the name of the plugin
/// that sent it, so that no client gets a malformed response.
class ModelResponse final : public Sink {
 public:
  /// `x` has the chat document. `began`: when the request did.
  ModelResponse(Sink& out, Host host, Exchange& x, std::chrono::nanoseconds began)
      : out_(out), host_(host), x_(x), began_(began), grammar_(x.chat()) {}

  Status emit(Event e) override {
    if (fault_) return *fault_;
    const View rule = grammar_.check(e);
    if (!rule.empty()) return fail("plugin_error", e, rule);
    if (e.has(GH_MUST) && (e.kind() == GH_EV_CUSTOM || !name_of(e.kind())))
      return fail("unsupported_event", e, " cannot be rendered for this client");
    follow(e);
    return out_.emit(e);
  }

  /// After next() has returned ok: whether the response is complete.
  Status end() const {
    if (fault_) return *fault_;
    if (grammar_.is_complete()) return {};
    return Fail{500, "incomplete_response", "The model's response is incomplete.",
                "a plugin returned success before step-finish"};
  }

  /// Writes what is known now into the notes of the request.
  void note() const {
    MutableJson notes = x_.notes();
    const auto set = [&notes](View name, View text) {
      if (!text.empty()) notes.edit(name).set(text);
    };
    set("model", x_.chat()["model"].str());
    set("answered_by", model_);
    set("response_id", response_id_);
    set("finish_reason", finish_reason_);
    const TokenCounts sum = tokens();
    for (const View name : TokenCounts::kNames) {
      if (const auto count = sum[name]) notes.edit(name).set(*count);
    }
    if (first_output_) notes.edit("ttft_ms").set(in_ms(*first_output_));
    if (steps_ > 0) notes.edit("steps").set(steps_);
    if (calls_ > 0) notes.edit("tool_calls").set(calls_);
    for (const std::string& member : warnings_) notes.edit("warnings").push().set(View(member));
  }

  /// Of all steps.
  TokenCounts tokens() const { return steps_before_ + step_; }
  /// Of the last step; empty: none has ended.
  View finish_reason() const { return finish_reason_; }
  /// The model that answered last, as its provider calls it.
  View model() const { return model_; }

 private:
  Status fail(View code, Event e, View rule) {
    const EventName* const known = name_of(e.kind());
    std::string detail =
        known ? std::string(known->word) : "the event of kind " + std::to_string(e.kind());
    fault_ =
        Fail{500, std::string(code), "The request could not be processed.", detail.append(rule)};
    return *fault_;
  }

  void follow(Event e) {
    switch (e.kind()) {
      case GH_EV_STEP_START:
        ++steps_;
        steps_before_ = steps_before_ + step_;
        step_ = {};
        break;
      case GH_EV_STEP_FINISH: finish_reason_ = e.name(); break;
      case GH_EV_TEXT:
      case GH_EV_REASONING:
        if (!e.text().empty()) note_output();
        break;
      case GH_EV_TOOL_INPUT_START: note_output(); break;
      case GH_EV_TOOL_CALL:
      case GH_EV_TOOL_CALL_ERROR:
        note_output();
        ++calls_;
        break;
      case GH_EV_USAGE: step_ = TokenCounts(e.json()); break;
      case GH_EV_RESPONSE:
        if (const View model = e.json()["model"].str(); !model.empty()) model_ = model;
        if (const View id = e.json()["id"].str(); !id.empty()) response_id_ = id;
        break;
      case GH_EV_WARNING: warn(e); break;
    }
  }
  void note_output() {
    if (!first_output_) first_output_ = host_.now() - began_;
  }
  void warn(Event e) {
    constexpr std::size_t kMost = 16;  // a note of the access log, not a log of its own
    const Document fields;
    fields.root().edit("member").set(e.name());
    fields.root().edit("reason").set(e.text());
    host_.log(GH_DEBUG, &x_, "a part of the request was not honoured", fields.root());
    if (warnings_.size() < kMost) warnings_.emplace_back(e.name());
  }

  Sink& out_;
  const Host host_;
  Exchange& x_;
  const std::chrono::nanoseconds began_;

  std::optional<Fail> fault_;
  EventGrammar grammar_;
  std::int64_t steps_ = 0, calls_ = 0;
  TokenCounts step_, steps_before_;
  std::string finish_reason_, model_, response_id_;
  std::vector<std::string> warnings_;  // members of the chat document
  /// Until the model's first text, reasoning or tool call.
  std::optional<std::chrono::nanoseconds> first_output_;
};

}  // namespace v1
}  // namespace gatehouse
