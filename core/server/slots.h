#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>

#include "core/net/wait.h"

namespace gatehouse::core {

/// The deadlines of parked connections, by descriptor. Parked and running connections change places
/// without a lock: the thread that takes the deadline out of the slot has the connection. Any
/// thread.
class Slots {
 public:
  explicit Slots(std::size_t count)
      : count_(count),
        slots_(static_cast<std::atomic<std::int64_t>*>(std::calloc(count, sizeof(std::int64_t)))) {
    if (!slots_) throw std::bad_alloc();
  }

  bool has(int fd) const { return static_cast<std::size_t>(fd) < count_; }
  /// `idle`: between requests, so that it may be closed at any time.
  void park(int fd, Clock::time_point until, bool idle) {
    slots_[fd].store((until.time_since_epoch().count() & ~kIdle) | (idle ? kIdle : 0));
    int highest = highest_.load();
    while (fd > highest && !highest_.compare_exchange_weak(highest, fd)) {
    }
  }
  /// Only after an event for the parked descriptor: no other thread unparks it.
  void unpark(int fd) {
    for (std::int64_t seen = slots_[fd].load();;) {
      if (seen == kEnding) {  // close() has it: it must not hit the next user of this descriptor
        std::this_thread::yield();
        seen = slots_[fd].load();
      } else if (slots_[fd].compare_exchange_weak(seen, kNone)) {
        return;
      }
    }
  }
  enum class Which { late, late_or_idle, all };
  /// Shuts down parked connections. Their events then end them as if the client had left.
  void close(Which which) {
    const std::int64_t now = Clock::now().time_since_epoch().count();
    for (int fd = 0; fd <= highest_.load(); ++fd) {
      std::int64_t seen = slots_[fd].load(std::memory_order_relaxed);
      if (seen == kNone || !is_meant(which, fd, seen, now)) continue;
      if (!slots_[fd].compare_exchange_strong(seen, kEnding)) continue;
      ::shutdown(fd, SHUT_RDWR);
      slots_[fd].store(kNone);
    }
  }

 private:
  static bool is_meant(Which which, int fd, std::int64_t slot, std::int64_t now) {
    if (which == Which::all || slot <= now) return true;
    return which == Which::late_or_idle && (slot & kIdle) && !has_input(fd);
  }
  /// A request has arrived and is not yet being read.
  static bool has_input(int fd) {
    char byte;
    return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  // A slot is kNone, kEnding, or a time whose lowest bit is kIdle.
  static constexpr std::int64_t kNone = 0, kIdle = 1, kEnding = 2;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  const std::size_t count_;
  // Zeros of calloc(): a million of them take no memory until used.
  std::unique_ptr<std::atomic<std::int64_t>[], Free> slots_;
  std::atomic<int> highest_{0};
};

}  // namespace gatehouse::core
