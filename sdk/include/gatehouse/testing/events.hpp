/// Events as short texts, so that tests say what they expect in one line: the kind and its members
/// in the order id, name, text, json.
///
///   step-start                   tool-input-start:ID:NAME             source:ID:TITLE:URL
///   text:Hello                   tool-input-delta:ID:{"q":            file:image/png:BASE64
///   reasoning:Hmm                tool-call:ID:NAME:{"q":"x"}          usage:{"input_tokens":3}
///   text#BLOCK:Hello             tool-call-error:ID:NAME:WHY:{}       step-finish:stop
///   bytes:{"status":"up"}        tool-output:ID:{"content":[]}        tool-output-error:ID:WHY
///   data:KIND:{}                 tool-approval:ID:QUESTION            tool-denied:ID
///   response:{"model":"m"}       warning:MEMBER:TEXT                  custom:NAME:{}
///
/// Flags follow the kind: +last, +dynamic, +provider-executed, +preliminary, +must. Metadata stands
/// at the end: text:Hi @{"google":{}}
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::testing {

using Events = std::vector<std::string>;

std::string to_text(const Event& e);

/// Throws when it is not JSON: then the test is wrong.
Document parse(View json);

/// Throws when a line is not an event.
void check(const Events& lines);

/// Emits the events that these lines describe, until one is rejected. Their views are overwritten
/// when emit() has returned: a plugin that keeps one reads rubbish.
Status emit(Sink& out, const Events& lines);

struct Recording {
  Events events;
  std::string text;       ///< Of all text events.
  std::string body;       ///< Of all bytes events.
  bool complete = false;  ///< The body has ended.
};

/// A sink that records what it gets.
class Recorder final : public Sink, public Recording {
 public:
  explicit Recorder(std::size_t leaves_after = std::numeric_limits<std::size_t>::max())
      : leaves_after_(leaves_after) {}

  Status emit(Event e) override;
  bool has_left() const { return events.size() >= leaves_after_; }

 private:
  const std::size_t leaves_after_;
};

}  // namespace gatehouse::testing
