#pragma once

#include <deque>
#include <string>
#include <unordered_set>
#include <vector>

#include "approvals.h"

namespace gatehouse::plugins::mcp {

/// Passes on one step of the model as it comes, except its end, and remembers it as a message of
/// the conversation.
///
/// A call of a tool that was not offered is turned into a refused one.
class Step final : public Sink {
 public:
  Step(Json tools, const Offer& offer, Sink& out);

  Status emit(Event e) override;

  /// Answers the refused calls, asks the user about those that need it, runs the others that run
  /// here, and ends the step.
  Status finish(Host host, Exchange& x, const Approvals& approvals, Allowance& allowance);
  /// All that the model called was answered here, however it ended.
  bool calls_for_another() const;
  /// Appends what the model said, and the answers it gets, to the messages of a chat document.
  void append_to(MutableJson messages);

 private:
  Status add_call(Event e);
  Status pass_on(Event e);
  void add_delta(Event e);
  void close_block();
  bool is_offered(View name) const { return offered_.count(name) > 0; }
  bool ended_well() const { return finish_reason_ == "tool-calls" || finish_reason_ == "stop"; }

  std::unordered_set<View> offered_;  // names of tools
  const Offer& offer_;
  Sink& out_;
  Document said_;  // content of the assistant's message
  MutableJson block_;
  int block_kind_ = 0;
  std::string block_id_, text_;  // of the open block
  std::deque<Call> calls_;       // without those that the provider ran itself
  std::string finish_reason_;
};

}  // namespace gatehouse::plugins::mcp
