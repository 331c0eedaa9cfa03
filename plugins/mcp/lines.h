#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// A line; of a long one, the beginning and the end.
struct Line {
  View begin, end;    // both the whole line, unless it is cut
  std::size_t bytes;  // of the whole line

  bool is_cut() const { return bytes > begin.size(); }
};

/// Splits the output of a process, which arrives in pieces, into lines.
class Lines {
 public:
  explicit Lines(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Calls take(Line) for each complete line; one that is longer than max_bytes is cut.
  template <class F>
  void feed(View bytes, F take) {
    for (std::size_t end; (end = bytes.find('\n')) != View::npos; bytes.remove_prefix(end + 1)) {
      keep(bytes.substr(0, end));
      take(Line{begin_, bytes_ > begin_.size() ? View(end_) : View(begin_), bytes_});
      begin_.clear();
      end_.clear();
      bytes_ = 0;
    }
    keep(bytes);
  }

 private:
  static constexpr std::size_t kEnd = 256;  // for the members of a message after its result

  void keep(View bytes) {
    bytes_ += bytes.size();
    const View fits = bytes.substr(0, max_bytes_ - begin_.size());
    begin_.append(fits);
    bytes.remove_prefix(fits.size());
    if (bytes.size() > kEnd) bytes.remove_prefix(bytes.size() - kEnd);
    end_.append(bytes);
    if (end_.size() > kEnd) end_.erase(0, end_.size() - kEnd);
  }

  const std::size_t max_bytes_;
  std::string begin_, end_;
  std::size_t bytes_ = 0;
};

}  // namespace gatehouse::plugins::mcp
