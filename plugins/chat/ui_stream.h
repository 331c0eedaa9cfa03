#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::chat {

/// Token counts; what no provider told stays unknown.
struct Tokens {
  std::optional<std::int64_t> input, output, total, reasoning, cached;
};

/// Writes the events of one answer to `out` as the AI SDK's UI message stream: server-sent events,
/// each a chunk of JSON. The client checks every chunk and drops the whole answer at the first it
/// does not expect, so nothing optional is ever null.
class UiStream final : public Sink {
 public:
  struct Options {
    bool send_reasoning;
    bool send_sources;
    bool send_model_version;
  };

  UiStream(Host host, Exchange& x, Sink& out, Options options)
      : host_(host), x_(x), out_(out), options_(options) {}

  Status start(View model);
  Status emit(Event e) override;
  /// The last chunks of a whole answer, or of one that broke. Nothing is sent after either.
  Status finish();
  Status fail();

  Tokens tokens() const;
  View finish_reason() const {
    return finish_reason_;
  }  ///< Of the last step; empty if none has ended.
  View model_version() const {
    return model_version_;
  }  ///< The model that answered last, as its provider calls it.
  View response_id() const { return response_id_; }  ///< The provider's, of the last step.

 private:
  void write_delta(View kind, Event e);
  void write_tool_call(Event e);
  void write_tool_output(Event e);
  void begin_tool(View type, Event e);
  void write_error_text(Event e, bool sendable);
  static Json sendable_metadata(Event e);
  void write_metadata(Event e);
  void close_block();
  void close_step();

  // One chunk: begin, its members, end.
  void begin(View type, View type_end = {});
  void member(View key, View text);
  void member(View key, Json value);
  void end() { buffer_.append("}\n\n"); }
  Status send(bool last = false);

  const Host host_;
  Exchange& x_;
  Sink& out_;
  const Options options_;
  std::string buffer_;  // of one event; kept for its capacity

  bool ended_ = false;
  bool in_step_ = false;
  View block_kind_;       // "text", "reasoning", or empty: none is open
  std::string block_of_;  // the id that its events carry
  std::string block_id_;  // its id on the wire
  int blocks_in_step_ = 0;
  std::string finish_reason_, model_version_, response_id_;
  Tokens step_, steps_before_;
};

}  // namespace gatehouse::plugins::chat
