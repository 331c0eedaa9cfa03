#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/call_ids.hpp"
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

/// Makes the content blocks of a message from the events that its client may see.
class Blocks {
 public:
  /// `x` has the chat document as the client's request has made it.
  Blocks(Exchange& x, const CallIds& ids, bool shows_thinking, BlockWriter& out);

  Status read(Event e);
  /// After the end: fails if the client is to run calls and none could be read.
  Status end(View reason);

 private:
  /// A copy of an event.
  struct KeptEvent {
    explicit KeptEvent(Event e);
    gh_event event() const;

    int kind;
    std::string id, name, text;
    std::optional<Document> json, metadata;
  };
  /// The call whose input arrives.
  struct Call {
    std::string id;     // below the ingress
    Block block;        // with the client's
    std::string input;  // as long as the block has not begun
    bool has_begun = false, has_input = false;
  };

  void add_text(Event e);
  void add_thought(Event e);
  void add_redacted(View data);
  void add_input(View piece);
  void start_call(Event e);
  void begin_call(Json metadata);
  Status end_call(Event e);
  Status drop_call(Event e);
  Status read_waiting();
  void open(Block::Kind kind, View id);
  void close(Json metadata = Json());
  bool is_clients(View tool) const;

  Exchange& x_;
  const CallIds& ids_;
  const bool shows_thinking_;
  BlockWriter& out_;
  std::vector<std::string> tools_;  // names of the client's
  WireNames legal_ids_{{128}};      // of calls, for servers with other characters in theirs

  std::optional<Block> open_;                  // text or thinking
  std::string open_id_;                        // of its events
  std::optional<std::string> hidden_thought_;  // the id of one whose text is not shown
  std::optional<Call> call_;
  std::vector<KeptEvent> waiting_;  // for the end of the call
  bool has_calls_ = false;          // of the last step
};

}  // namespace gatehouse::plugins::messages
