#pragma once

#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// The content of the assistant message that the events of one step make: what the next call of the
/// model gets as history (sdk/README.md, "The chat document").
class Content {
 public:
  /// Any event; those that are not part of the history change nothing.
  void add(Event e);
  /// The part that was added last. Stays where it is.
  MutableJson last() const { return last_; }
  /// All parts, in order. No event follows.
  Json complete();

 private:
  void add_delta(Event e);
  void add_tool_part(Event e, View type);
  void add_file(Event e);
  void push(View type);
  void close_block();

  Document parts_;
  MutableJson last_;
  int block_kind_ = 0;           // of the open block, which is last_; 0: none is open
  std::string block_id_, text_;  // of the open block
};

}  // namespace gatehouse::plugins::mcp
