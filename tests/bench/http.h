#pragma once

#include <strings.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

/// What both programs of the benchmark know: HTTP/1.1 messages and the times in their bodies.
namespace bench {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, shared by all processes of the machine

/// Each event of the upstream has this mark in its text, then the time just before it was sent.
constexpr std::string_view kMark = "ts=";
constexpr std::size_t kDigits = 19;  // nanoseconds of Clock, with leading zeros

/// Reads one HTTP/1.1 message that arrives in pieces of any size, framed by Content-Length or in
/// chunks. A response that ends with its connection counts as broken: nobody can tell whether it
/// is whole. Trusts its peer otherwise.
class Message {
 public:
  /// Gives the body to on_body(string_view) and returns the bytes that follow the message.
  template <class F>
  std::string_view feed(std::string_view bytes, F&& on_body) {
    while (!bytes.empty() && !complete() && !broken()) {
      if (state_ != kData) {
        if (line(bytes)) next(line_);
        continue;
      }
      const std::string_view piece = bytes.substr(0, left_);
      on_body(piece);
      bytes.remove_prefix(piece.size());
      left_ -= piece.size();
      if (left_ == 0) state_ = chunked_ ? kDataEnd : kComplete;
    }
    return bytes;
  }
  bool begun() const { return !first_line_.empty(); }
  bool complete() const { return state_ == kComplete; }
  bool broken() const { return state_ == kBroken; }
  bool closes() const { return closes_; }
  const std::string& first_line() const { return first_line_; }
  int status() const { return is_response() ? std::atoi(first_line_.c_str() + 9) : 0; }

 private:
  enum State { kHead, kSize, kData, kDataEnd, kTrailers, kComplete, kBroken };

  bool is_response() const { return first_line_.starts_with("HTTP/1.1 "); }

  /// Takes bytes up to the end of a line; true: line_ has it.
  bool line(std::string_view& bytes) {
    if (fresh_line_) line_.clear();
    const std::size_t end = bytes.find('\n');
    fresh_line_ = end != std::string_view::npos;
    line_ += bytes.substr(0, end);
    bytes.remove_prefix(fresh_line_ ? end + 1 : bytes.size());
    if (fresh_line_ && line_.ends_with('\r')) line_.pop_back();
    return fresh_line_;
  }

  void next(const std::string& line) {
    switch (state_) {
      case kHead: return line.empty() ? body() : head(line);
      case kSize:
        left_ = std::strtoull(line.c_str(), nullptr, 16);
        state_ = left_ > 0 ? kData : line.starts_with('0') ? kTrailers : kBroken;
        return;
      case kDataEnd: state_ = line.empty() ? kSize : kBroken; return;
      case kTrailers: state_ = line.empty() ? kComplete : kTrailers; return;
      default: return;
    }
  }

  void head(const std::string& line) {
    if (!begun()) {
      first_line_ = line;
    } else if (strncasecmp(line.c_str(), "content-length:", 15) == 0) {
      left_ = std::strtoull(line.c_str() + 15, nullptr, 10);
      sized_ = true;
    } else if (strncasecmp(line.c_str(), "transfer-encoding: chunked", 26) == 0) {
      chunked_ = true;
    } else if (strncasecmp(line.c_str(), "connection: close", 17) == 0) {
      closes_ = true;
    }
  }

  void body() {
    if (chunked_ || left_ > 0) {
      state_ = chunked_ ? kSize : kData;
    } else {
      state_ = sized_ || !is_response() ? kComplete : kBroken;
    }
  }

  State state_ = kHead;
  std::string first_line_, line_;
  bool fresh_line_ = true;
  std::size_t left_ = 0;  // bytes of the body, or of the chunk
  bool sized_ = false, chunked_ = false, closes_ = false;
};

/// Finds the times of sending in a text that arrives in pieces.
class Times {
 public:
  template <class F>
  void feed(std::string_view text, F&& on_time) {
    constexpr std::size_t kLength = kMark.size() + kDigits;
    kept_ += text;
    std::size_t at = kept_.find(kMark);
    for (; at != kept_.npos && at + kLength <= kept_.size(); at = kept_.find(kMark, at + kLength)) {
      const auto since = std::strtoll(kept_.c_str() + at + kMark.size(), nullptr, 10);
      on_time(Clock::time_point(Clock::duration(since)));
    }
    const std::size_t tail = kept_.size() - std::min(kept_.size(), kMark.size() - 1);
    kept_.erase(0, std::min(at, tail));
  }

 private:
  std::string kept_;  // what may be the beginning of a time
};

}  // namespace bench
