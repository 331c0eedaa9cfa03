#pragma once

#include <string>

#include "blocks.h"
#include "errors.h"
#include "gatehouse/toolkit/client_calls.hpp"
#include "gatehouse/toolkit/event_stream.hpp"
#include "gatehouse/toolkit/respond.hpp"

namespace gatehouse::plugins::messages {

/// Renders the events that a client may see as a message of the Messages API.
class Message : public ResponseWriter, protected BlockWriter {
 public:
  /// `x` has the chat document as the client's request has made it.
  Message(Exchange& x, const CallIds& ids, bool shows_thinking)
      : x_(x), blocks_(shows_thinking, *this), calls_(blocks_, x, ids) {}

  Status emit(Event e) override;
  Status finish(View reason, const ModelResponse& response) override;
  int status_of(const FailureReport& report) const override { return messages::status_of(report); }

 protected:
  /// Sends what the events have added, if this is a stream.
  virtual Status flush() = 0;
  /// `reason`: as in GH_EV_STEP_FINISH. `tokens`: of all steps.
  virtual Status send_end(View reason, const TokenCounts& tokens) = 0;

  /// The members of a message before its content, and after it.
  void append_head(JsonText& json) const;
  void append_stop(JsonText& json, View reason) const;
  const TokenCounts& tokens_so_far() const { return tokens_; }

  Exchange& x_;

 private:
  Blocks blocks_;
  ClientCalls calls_;
  std::string model_;          // that responds
  std::string stop_sequence_;  // that the model has met
  TokenCounts tokens_;         // of the step
};

/// As one JSON object.
class WholeMessage final : public Message {
 public:
  WholeMessage(Exchange& x, Sink& out, const CallIds& ids, bool shows_thinking)
      : Message(x, ids, shows_thinking), out_(out) {}

  /// It is sent at its end only.
  Status fail(const Failure&) override { return {}; }

 private:
  void begin(const Block& block) override;
  void add(const Block& block, View piece) override;
  void end(const Block& block) override;
  Status flush() override { return {}; }
  Status send_end(View reason, const TokenCounts& tokens) override;

  Sink& out_;
  std::string text_;     // of the open block
  std::string content_;  // JSON text of the blocks
  JsonText json_{content_};
};

/// As server-sent events. The stream begins with the first block, so an earlier failure has its own
/// status, or with the comment that keeps a silent connection open.
class StreamedMessage final : public Message {
 public:
  StreamedMessage(Exchange& x, Sink& out, const CallIds& ids, bool shows_thinking)
      : Message(x, ids, shows_thinking), events_(out) {
    EventStream::write_head(x);
  }

  /// The stream ends with the error event.
  Status fail(const Failure& failure) override;

 private:
  void begin(const Block& block) override;
  void add(const Block& block, View piece) override;
  void end(const Block& block) override;
  Status flush() override { return events_.is_empty() ? Status() : events_.send(); }
  Status send_end(View reason, const TokenCounts& tokens) override;

  void begin_message();
  // One event: begin, its members, end.
  JsonText& begin_event(View type);
  JsonText& begin_block_event(View type);
  void end_event();
  void append_delta(View type, View member, View text);

  EventStream events_;
  bool has_begun_ = false;
  std::int64_t index_ = -1;  // of the open block, or the last one
};

}  // namespace gatehouse::plugins::messages
