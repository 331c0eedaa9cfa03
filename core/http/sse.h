#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::core {

/// The largest server-sent event that is accepted: a generated 4K image arrives as one event with
/// about 40 MB of base64.
inline constexpr std::size_t kMaxSseEvent = 64u << 20;

/// Parses server-sent events (HTML Living Standard 9.2.6) from a stream that arrives in any pieces.
class SseReader {
 public:
  struct Event {
    std::string_view type, data, id;  // until the next call of any member
  };

  void feed(std::string_view bytes);
  /// The same, leaving `bytes` empty, without a copy if all bytes before them have been read.
  void take(std::string& bytes);
  /// The next complete event that has data; comments and events without data are skipped.
  std::optional<Event> next();
  /// The last event id that the stream has set, with or without an event.
  std::string_view last_id() const { return id_; }
  /// How long a client should wait before it reconnects; negative: the server has not set it.
  std::chrono::nanoseconds retry() const { return retry_; }
  /// An event has grown beyond kMaxSseEvent.
  bool too_large() const { return buffer_.size() - begin_ + data_.size() > kMaxSseEvent; }

 private:
  void field(std::string_view line);
  void add_data(std::string_view line);
  void make_room();
  void drop_read();
  void forget_given();
  std::optional<std::string_view> line();

  std::string buffer_;
  std::size_t begin_ = 0;    // of what has not been parsed
  std::size_t scanned_ = 0;  // the bytes from begin_ to here contain no end of a line
  bool first_ = true;        // a byte order mark may follow
  bool after_cr_ = false;    // a line feed would belong to the carriage return before it
  bool has_data_ = false;    // the event that is being parsed has data
  bool given_ = false;       // next() has returned the event in type_ and data_
  std::string_view line_;    // its data, as long as that is one line, which is in buffer_
  std::string type_, data_, id_;
  std::chrono::milliseconds retry_{-1};
};

}  // namespace gatehouse::core
