#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/fresh_id.hpp"

namespace gatehouse::plugins::chat {

/// What all recordings of a gateway may take together. Any thread.
class Capacity {
 public:
  struct Limits {
    std::int64_t bytes;    ///< Of memory.
    std::int64_t running;  ///< Requests that run on without their client.
  };
  explicit Capacity(Limits limits) { set(limits); }
  void set(Limits limits) {
    max_bytes_ = limits.bytes;
    max_running_ = limits.running;
  }

  bool take_bytes(std::int64_t count) { return take(bytes_, count, max_bytes_); }
  void give_bytes(std::int64_t count) { bytes_ -= count; }
  bool take_run() { return take(running_, 1, max_running_); }
  void give_run() { --running_; }

  std::int64_t bytes() const { return bytes_; }
  std::int64_t running() const { return running_; }

 private:
  static bool take(std::atomic<std::int64_t>& from, std::int64_t count, std::int64_t most) {
    if ((from += count) <= most) return true;
    from -= count;
    return false;
  }
  std::atomic<std::int64_t> max_bytes_, max_running_, bytes_{0}, running_{0};
};

/// The bytes of one response as they are sent to its client, from the first one on, so that the
/// client can read them again and follow the rest. One request writes it, any number of readers
/// follow, each at the pace of its own client. Neither waits for the other.
class Recording {
 public:
  enum class End {
    none,   ///< The request is running.
    whole,  ///< The last byte is there.
    cut     ///< The request has ended before its last byte, or the reader was too slow.
  };
  struct Piece {
    std::string bytes;
    End end = End::none;  ///< What follows `bytes`.
  };
  class Reader;

  /// `max_bytes`: of a longer response only what its readers have yet to read is kept, and no
  /// further reader can join. `keep`: how long it waits for a reader after the last one, and its
  /// client, have left.
  Recording(Host host, Capacity& capacity, std::size_t max_bytes, std::chrono::nanoseconds keep,
            View request_id)
      : host_(host),
        capacity_(capacity),
        max_bytes_(max_bytes),
        keep_(keep),
        id_(fresh_id().append("-").append(request_id)) {}
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  // ---- The request that it is of, on its thread

  void append(View bytes, bool last);
  /// The client has left: whether the request is to run on.
  bool runs_on();
  bool client_has_left() const { return client_has_left_; }
  /// Why runs_on() has returned false: expired, replaced, stopped, too_many, too_long.
  View reason() const { return reason_; }
  /// Nothing follows.
  void end();

  // ---- Any thread

  /// The user does not want the rest.
  void stop() { is_stopped_ = true; }
  bool is_stopped() const { return is_stopped_; }
  /// Another request has taken its place: from now on no reader can join.
  void replace();
  /// A client has received all of it, or is about to: nobody needs it any more.
  void set_received(bool received);
  /// Whether a reader can join.
  bool is_open() const;
  /// Its request has ended, and no reader can join.
  bool is_over() const;
  /// Somebody reads it by other means than a Reader: it waits as if a reader had just left.
  void extend();
  /// Nobody can guess it.
  const std::string& id() const { return id_; }
  static View request_of(View id) { return id.substr(id.find('-') + 1); }

 private:
  bool has_room(std::size_t bytes);
  bool make_room(std::size_t bytes);
  bool is_wanted() const;
  bool can_be_joined() const;
  void wake_readers();

  const Host host_;
  Capacity& capacity_;
  const std::size_t max_bytes_;
  const std::chrono::nanoseconds keep_;
  const std::string id_;
  std::atomic<bool> is_stopped_{false};
  View reason_;  // of the request's thread

  mutable std::mutex mutex_;
  // Guarded by mutex_; only the request's thread writes the first two, and so reads them without.
  bool client_has_left_ = false;
  bool has_run_ = false;  // one of those of `capacity_`
  End end_ = End::none;
  bool is_replaced_ = false, is_received_ = false;
  bool is_complete_ = true;  // bytes_ begins with the first byte
  std::vector<char> bytes_;
  std::size_t begin_ = 0;                    // position of bytes_ in the response
  std::chrono::nanoseconds alone_since_{0};  // when the client, or the last reader, has left
  std::vector<Reader*> readers_;
  std::size_t audience_ = 0;  // of those, the ones that are clients
};

/// A place in a recording, of one request on its thread.
class Recording::Reader {
 public:
  enum For {
    kClient,
    kStore  ///< A copy: the request does not run on for it.
  };
  Reader(Recording& recording, const Waker& waker, For whom = kClient);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// What follows the last piece, as soon as there is something; an empty piece: not within `most`.
  /// Not ok: the wait has ended.
  Result<Piece> read(Exchange& x, std::chrono::nanoseconds most = std::chrono::hours(1));

 private:
  friend Recording;
  Piece take();

  Recording& recording_;
  const Waker& waker_;
  const For for_;
  // Guarded by the mutex of the recording.
  std::size_t position_ = 0;
  bool waits_ = false;
  bool is_behind_ = false;  // what it has yet to read is gone
};

}  // namespace gatehouse::plugins::chat
