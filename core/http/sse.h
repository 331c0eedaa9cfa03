#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::core {

/// Largest server-sent event that is accepted: a generated image of 4K comes as one event of some
/// 40 MB of base64.
inline constexpr std::size_t kMaxSseEvent = 64u << 20;

/// Cuts a stream of bytes into server-sent events (HTML Living Standard 9.2.6), whatever pieces it
/// comes in.
class SseReader {
 public:
  struct Event {
    std::string_view type, data, id;  // until the next call of any member
  };

  void feed(std::string_view bytes);
  /// The next whole event that has data; comments and events without data are passed over.
  std::optional<Event> next();
  /// What the stream has named last, also without an event.
  std::string_view last_id() const { return id_; }
  /// How long the server wants to be left alone before a broken stream is asked for again;
  /// negative: it has not said.
  std::chrono::nanoseconds retry() const { return retry_; }
  /// An event has grown beyond kMaxSseEvent.
  bool too_large() const { return buffer_.size() - begin_ + data_.size() > kMaxSseEvent; }

 private:
  void field(std::string_view line);
  void drop_read();
  std::optional<std::string_view> line();

  std::string buffer_;
  std::size_t begin_ = 0;    // of what has not been read
  std::size_t scanned_ = 0;  // up to here there is no end of a line
  bool first_ = true;        // a byte order mark may come
  bool after_cr_ = false;    // a line feed would belong to the carriage return before it
  bool has_data_ = false;    // in the event that is being read
  bool given_ = false;       // type_ and data_ are those of an event that next() has returned
  std::string type_, data_, id_;
  std::chrono::milliseconds retry_{-1};
};

}  // namespace gatehouse::core
