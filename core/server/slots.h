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

/// Until when each parked descriptor may stay so. Parked and running connections change places
/// without a lock: whoever takes the deadline out of the slot has the connection.
class Slots {
 public:
  explicit Slots(std::size_t count)
      : count_(count),
        slots_(static_cast<std::atomic<std::int64_t>*>(std::calloc(count, sizeof(std::int64_t)))) {
    if (!slots_) throw std::bad_alloc();
  }

  bool has(int fd) const { return static_cast<std::size_t>(fd) < count_; }
  void park(int fd, Clock::time_point until, bool idle) {
    slots_[fd].store((until.time_since_epoch().count() & ~std::int64_t{1}) | (idle ? 1 : 0));
    int highest = highest_.load();
    while (fd > highest && !highest_.compare_exchange_weak(highest, fd)) {
    }
  }
  /// Only after an event for the parked descriptor: nobody else unparks it.
  void unpark(int fd) {
    for (std::int64_t seen = slots_[fd].load();;) {
      if (seen == kEnding) {  // end() is at it: wait for it, or it would end whoever gets this
                              // descriptor next
        std::this_thread::yield();
        seen = slots_[fd].load();
      } else if (slots_[fd].compare_exchange_weak(seen, kNone)) {
        return;
      }
    }
  }
  enum class Which { late, late_or_idle, all };
  /// Ends parked connections. Their events then close them as any other end of a connection.
  void end(Which which) {
    const std::int64_t now = Clock::now().time_since_epoch().count();
    for (int fd = 0; fd <= highest_.load(); ++fd) {
      std::int64_t seen = slots_[fd].load(std::memory_order_relaxed);
      const bool idle = seen & 1;
      if (seen == kNone || !(seen <= now || which == Which::all ||
                             (which == Which::late_or_idle && idle && !has_input(fd))))
        continue;
      if (!slots_[fd].compare_exchange_strong(seen, kEnding)) continue;
      ::shutdown(fd, SHUT_RDWR);
      slots_[fd].store(kNone);
    }
  }

 private:
  /// A request has come, and nobody has looked yet.
  static bool has_input(int fd) {
    char byte;
    return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  static constexpr std::int64_t kNone = 0, kEnding = 2;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  const std::size_t count_;
  std::unique_ptr<std::atomic<std::int64_t>[], Free>
      slots_;  // zeros of calloc(): a million of them take no memory until used
  std::atomic<int> highest_{0};
};

}  // namespace gatehouse::core
