#include "core/http/sse.h"

#include <algorithm>
#include <utility>

namespace gatehouse::core {
namespace {

// Bytes of an event; the memory of a larger one is released.
constexpr std::size_t kUsual = 1u << 20;

}  // namespace

void SseReader::feed(std::string_view bytes) {
  make_room();
  buffer_.append(bytes);
}

void SseReader::take(std::string& bytes) {
  make_room();
  if (buffer_.empty()) {
    buffer_.swap(bytes);
  } else {
    buffer_.append(bytes);
    bytes.clear();
  }
}

void SseReader::make_room() {
  forget_given();
  data_ += std::exchange(line_, {});
  drop_read();
}

void SseReader::drop_read() {
  if (begin_ == 0) return;
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  if (buffer_.size() <= kUsual && buffer_.capacity() > kUsual) buffer_.shrink_to_fit();
}

void SseReader::forget_given() {
  if (!std::exchange(given_, false)) return;
  has_data_ = false;
  line_ = {};
  data_.clear();
  if (data_.capacity() > kUsual) data_.shrink_to_fit();
  type_.clear();
}

std::optional<std::string_view> SseReader::line() {
  if (after_cr_ && begin_ < buffer_.size()) {
    after_cr_ = false;
    if (buffer_[begin_] == '\n') ++begin_;
    scanned_ = std::max(scanned_, begin_);
  }
  // Two searches for one character each use memchr(3); find_first_of() would test each character.
  const auto feed = buffer_.find('\n', scanned_);
  const auto end = std::min(feed, std::string_view(buffer_).substr(0, feed).find('\r', scanned_));
  if (end == buffer_.npos) {
    scanned_ = buffer_.size();
    return std::nullopt;
  }
  std::string_view out = std::string_view(buffer_).substr(begin_, end - begin_);
  after_cr_ = buffer_[end] == '\r';
  begin_ = scanned_ = end + 1;
  if (first_ && out.substr(0, 3) == "\xef\xbb\xbf") out.remove_prefix(3);
  first_ = false;
  return out;
}

void SseReader::field(std::string_view line) {
  const auto colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value[0] == ' ') value.remove_prefix(1);
  if (name == "data") {
    add_data(value);
  } else if (name == "event") {
    type_ = value;
  } else if (name == "error") {
    // llama.cpp before September 2025 sends errors in this field, which the standard ignores.
    type_ = name;
    line_ = {};
    data_ = value;
    has_data_ = true;
  } else if (name == "id" && value.find('\0') == value.npos) {
    id_ = value;
  } else if (name == "retry" && !value.empty() && value.size() < 10 &&
             value.find_first_not_of("0123456789") == value.npos) {
    retry_ = std::chrono::milliseconds(std::stol(std::string(value)));
  }
}

/// Most events have one line, which is not copied.
void SseReader::add_data(std::string_view line) {
  const bool is_first = !std::exchange(has_data_, true);
  if (is_first && line.size() <= kUsual) {
    line_ = line;
    return;
  }
  data_ += std::exchange(line_, {});
  if (!is_first) data_ += '\n';
  data_ += line;
}

std::optional<SseReader::Event> SseReader::next() {
  forget_given();
  while (const auto l = line()) {
    if (!l->empty()) {
      field(*l);
    } else if (has_data_) {
      given_ = true;
      if (data_.size() > kUsual) drop_read();
      return Event{type_, data_.empty() ? line_ : data_, id_};
    } else {
      type_.clear();
    }
  }
  return std::nullopt;
}

}  // namespace gatehouse::core
