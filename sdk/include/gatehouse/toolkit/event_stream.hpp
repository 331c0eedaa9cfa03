/// A response as a stream of server-sent events, each with a text of JSON.
#pragma once

#include <chrono>
#include <string>

#include "gatehouse/exchange.hpp"
#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse {
inline namespace v1 {

/// Collects the text of events, and sends what there is as one piece.
class EventStream {
 public:
  explicit EventStream(Sink& out) : out_(out) { buffer_.reserve(512); }  // of most pieces
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  /// The headers of the response, which an error response replaces as long as nothing is sent, and
  /// the comment that keeps a silent one open.
  static void write_head(Exchange& x) {
    x.set_header("Content-Type", "text/event-stream");
    x.set_header("Cache-Control", "no-cache");
    x.set_header("X-Accel-Buffering", "no");  // nginx: pass every piece on at once
    // A comment that clients skip, well within the 30 s to 60 s after which proxies give up on a
    // silent response.
    x.heartbeat(": keep-alive\n\n", std::chrono::seconds(15));
  }

  /// Begins an event, whose JSON the caller writes; `name` is that of the event, if it has one.
  JsonText& begin(View name = {}) {
    if (!name.empty()) buffer_.append("event: ").append(name).append("\n");
    buffer_.append("data: ");
    return json_;
  }
  void end() { buffer_.append("\n\n"); }
  /// Events as they are on the wire.
  void append(View events) { buffer_.append(events); }
  /// Takes back what has not been sent.
  void clear() { buffer_.clear(); }

  JsonText& json() { return json_; }
  bool is_empty() const { return buffer_.empty(); }
  Status send(bool last = false) {
    Status status = out_.emit(event::bytes(buffer_, last));
    buffer_.clear();
    return status;
  }

 private:
  Sink& out_;
  std::string buffer_;  // kept for its capacity
  JsonText json_{buffer_};
};

}  // namespace v1
}  // namespace gatehouse
