/// The request appends to one buffer, and each reader copies from it at its own position. A reader
/// that has read everything waits, and an append wakes it. At the limit of its own bytes or of all
/// recordings', the recording closes to further readers and drops what all readers have read, so
/// that they can follow a response of any length; one that is still behind then is cut off, since
/// the model must not wait for it.
#include "recording.h"

#include <algorithm>
#include <utility>

namespace gatehouse::plugins::chat {
namespace {

constexpr std::size_t kLeastBytes = 4096;       // of a buffer: a short response
constexpr std::size_t kMostAtOnce = 64 * 1024;  // that a reader copies while the request waits

}  // namespace

Recording::~Recording() { capacity_.give_bytes(static_cast<std::int64_t>(bytes_.capacity())); }

void Recording::append(View bytes, bool last) {
  const std::lock_guard lock(mutex_);
  const bool is_read = is_complete_ || !readers_.empty();
  if (is_read && (has_room(bytes.size()) || make_room(bytes.size())))
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  if (last) end_ = End::whole;
  wake_readers();
}

/// With the lock held, as are those below.
bool Recording::has_room(std::size_t bytes) {
  const std::size_t needed = bytes_.size() + bytes, old = bytes_.capacity();
  if (needed <= old) return true;
  if (needed > max_bytes_) return false;
  const std::size_t wanted = std::min(std::max({needed, 2 * old, kLeastBytes}), max_bytes_);
  if (!capacity_.take_bytes(static_cast<std::int64_t>(wanted - old))) return false;
  bytes_.reserve(wanted);
  return true;
}

/// Drops what all readers have read, else what slow ones have yet to read.
bool Recording::make_room(std::size_t bytes) {
  is_complete_ = false;
  const std::size_t end = begin_ + bytes_.size();
  std::size_t read = end;
  for (const Reader* const reader : readers_) {
    if (!reader->is_behind_) read = std::min(read, reader->position_);
  }
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(read - begin_));
  begin_ = read;
  if (!readers_.empty() && has_room(bytes)) return true;
  capacity_.give_bytes(static_cast<std::int64_t>(bytes_.capacity()));
  bytes_ = {};
  begin_ = end;
  const bool fits = !readers_.empty() && has_room(bytes);
  for (Reader* const reader : readers_) {
    if (reader->position_ != end || !fits) reader->is_behind_ = true;
  }
  return fits;
}

void Recording::wake_readers() {
  for (Reader* const reader : readers_) {
    if (std::exchange(reader->waits_, false)) reader->waker_.wake();
  }
}

bool Recording::is_wanted() const {
  return audience_ > 0 || (is_complete_ && !is_replaced_ && host_.now() < alone_since_ + keep_);
}

bool Recording::can_be_joined() const {
  if (!is_complete_ || is_replaced_ || is_received_ || is_stopped_ || end_ == End::cut)
    return false;
  return !client_has_left_ || is_wanted();
}

bool Recording::runs_on() {
  const std::lock_guard lock(mutex_);
  if (!client_has_left_) {
    client_has_left_ = true;
    alone_since_ = host_.now();
    has_run_ = capacity_.take_run();
  }
  if (is_stopped_) reason_ = "stopped";
  if (!reason_.empty()) return false;
  if (!has_run_) {
    reason_ = "too_many";
  } else if (!is_wanted()) {
    reason_ = is_replaced_ ? "replaced" : is_complete_ ? "expired" : "too_long";
  }
  return reason_.empty();
}

void Recording::end() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(has_run_, false)) capacity_.give_run();
  if (end_ == End::none) end_ = End::cut;
  wake_readers();
}

void Recording::replace() {
  const std::lock_guard lock(mutex_);
  is_replaced_ = true;
}

void Recording::set_received(bool received) {
  const std::lock_guard lock(mutex_);
  is_received_ = received;
}

bool Recording::is_open() const {
  const std::lock_guard lock(mutex_);
  return can_be_joined();
}

bool Recording::is_over() const {
  const std::lock_guard lock(mutex_);
  return end_ != End::none && !can_be_joined();
}

void Recording::extend() {
  const std::lock_guard lock(mutex_);
  alone_since_ = host_.now();
}

Recording::Reader::Reader(Recording& recording, const Waker& waker, For whom)
    : recording_(recording), waker_(waker), for_(whom) {
  const std::lock_guard lock(recording_.mutex_);
  is_behind_ = !recording_.is_complete_;  // since is_open() was true
  recording_.readers_.push_back(this);
  if (for_ == kClient) ++recording_.audience_;
}

Recording::Reader::~Reader() {
  const std::lock_guard lock(recording_.mutex_);
  auto& all = recording_.readers_;
  all.erase(std::find(all.begin(), all.end(), this));
  if (for_ != kClient) return;
  --recording_.audience_;
  recording_.alone_since_ = recording_.host_.now();
}

Result<Recording::Piece> Recording::Reader::read(Exchange& x, std::chrono::nanoseconds most) {
  for (bool is_first = true;; is_first = false) {
    Piece piece = take();
    if (!piece.bytes.empty() || piece.end != End::none || !is_first) return piece;
    if (auto woken = waker_.wait(x, most); !woken) return woken.error();
  }
}

Recording::Piece Recording::Reader::take() {
  const std::lock_guard lock(recording_.mutex_);
  if (is_behind_) return {{}, End::cut};
  const std::vector<char>& bytes = recording_.bytes_;
  const std::size_t from = position_ - recording_.begin_;
  const std::size_t count = std::min(kMostAtOnce, bytes.size() - from);
  position_ += count;
  const bool is_at_end = from + count == bytes.size();
  waits_ = count == 0;
  return {std::string(bytes.data() + from, count), is_at_end ? recording_.end_ : End::none};
}

}  // namespace gatehouse::plugins::chat
