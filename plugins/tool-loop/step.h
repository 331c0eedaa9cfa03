#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// Passes on one step of the model as it comes, except its end, and remembers it as a message of the conversation.
///
/// A call of a tool that was not offered is turned into a refused one.
class Step final : public Sink {
 public:
  Step(Json tools, Sink& out) : tools_(tools), out_(out) {}

  Status emit(Event e) override;

  /// Answers the refused calls, then ends the step.
  Status finish();
  /// All that the model called was answered here, and it waits for the answers.
  bool calls_for_another() const;
  /// Appends what the model said, and the answers it gets, to the messages of a chat document.
  void append_to(MutableJson messages);

 private:
  void add_delta(Event e);
  void close_block();
  bool is_offered(View name) const;

  const Json tools_;
  Sink& out_;
  Document said_;  // content of the assistant's message
  MutableJson block_;
  int block_kind_ = 0;
  std::string block_id_, text_;  // of the open block
  struct Refused {
    std::string id, name;
  };
  std::vector<Refused> refused_;
  std::size_t calls_ = 0;  // for the client or refused; what the provider ran itself is no concern of ours
  std::string finish_reason_;
};

}  // namespace gatehouse
