#pragma once

#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/wire_names.hpp"

namespace gatehouse::plugins::messages {

/// A content block of a message.
struct Block {
  enum Kind { text, thinking, redacted, tool_use };

  Kind kind;
  std::string id{}, name{};  ///< Of a call.
  /// The signature of a thought, once it ends, or what stands in the place of a redacted one.
  std::string opaque{};
};

/// Gets the blocks of a message, one after another.
class BlockWriter {
 public:
  virtual void begin(const Block& block) = 0;
  /// A piece of its text, or of the JSON text of the input of a call.
  virtual void add(const Block& block, View piece) = 0;
  virtual void end(const Block& block) = 0;

 protected:
  ~BlockWriter() = default;
};

/// Makes the content blocks of a message from events in which calls follow one another.
class Blocks final : public Sink {
 public:
  Blocks(bool shows_thinking, BlockWriter& out) : shows_thinking_(shows_thinking), out_(out) {}

  Status emit(Event e) override;
  /// Ends the open block, a thought with this metadata.
  void close(Json metadata = Json());

 private:
  void add_text(Event e);
  void add_thought(Event e);
  void add_redacted(View data);
  void open(Block block);
  bool is_open(Block::Kind kind, View id) const;

  const bool shows_thinking_;
  BlockWriter& out_;
  WireNames legal_ids_{{8192}};  // of calls, for servers with other characters in theirs

  std::optional<Block> open_;
  std::string open_id_;                        // of the events of a text or a thought
  std::optional<std::string> hidden_thought_;  // the id of one whose text is not shown
};

}  // namespace gatehouse::plugins::messages
