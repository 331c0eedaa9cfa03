#pragma once

#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/event_stream.hpp"
#include "gatehouse/toolkit/ingress.hpp"

namespace gatehouse::plugins::chat {

/// Writes the events of one response to `out` as the AI SDK's UI message stream: server-sent
/// events, each a chunk of JSON. The client validates every chunk and drops the whole response at
/// the first that it does not expect, so an optional member is absent, never null.
class UiStream final : public Sink {
 public:
  struct Options {
    bool send_reasoning;
    bool send_sources;
    bool send_model_version;
  };

  /// `x` has the chat document.
  UiStream(Host host, Exchange& x, Sink& out, Options options)
      : host_(host), x_(x), out_(out), stream_(out), options_(options) {}
  UiStream(const UiStream&) = delete;
  UiStream& operator=(const UiStream&) = delete;

  /// The headers of the response.
  static void write_head(Exchange& x);
  /// The last bytes of a response that has failed, and of one that its user has stopped.
  static View failed_end();
  static View stopped_end();

  /// Sends the headers and the first chunk, unless that is done: the first event does so as well.
  Status open();
  /// Events in the order of abi/event.h.
  Status emit(Event e) override;
  /// The last chunks of a complete response, or of one that failed. Nothing is sent after either.
  Status finish(const ModelResponse& response);
  Status fail();

 private:
  // One for each kind of event.
  void start_step(Event e);
  void write_text(Event e);
  void write_reasoning(Event e);
  void start_tool_input(Event e);
  void write_tool_input(Event e);
  void write_tool_call(Event e);
  void write_tool_output(Event e);
  void request_approval(Event e);
  void write_denial(Event e);
  void write_source(Event e);
  void write_file(Event e);
  void write_data(Event e);
  void finish_step(Event e);
  struct Writer {
    int kind;
    void (UiStream::*write)(Event);
  };
  static const Writer kWriters[];

  void write_block(View kind, Event e);
  void open_block(View kind, Event e);
  void close_block();
  void begin_tool(View type, Event e);
  void write_error_text(Event e, bool is_sendable);
  void write_metadata(Event e);

  // One chunk: begin, its members, end.
  JsonText& begin(View type);
  JsonText& json() { return stream_.json(); }
  void end();
  Status send(bool last = false);

  const Host host_;
  Exchange& x_;
  Sink& out_;
  EventStream stream_;
  const Options options_;

  bool is_open_ = false;
  bool has_ended_ = false;
  View block_kind_;           // "text", "reasoning", or empty: none is open
  std::string block_of_;      // the id that its events carry
  std::string block_id_;      // its id on the wire
  std::string before_delta_;  // of each chunk with text: the same for the whole block
  int blocks_in_step_ = 0;
};

}  // namespace gatehouse::plugins::chat
