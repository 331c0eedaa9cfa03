#include "core/exchange/turn.h"

#include <algorithm>
#include <list>
#include <mutex>

namespace gatehouse::core {
namespace {

constexpr std::size_t kSmall = 1u << 20;
constexpr std::size_t kMost = 128u << 20;              // four bodies of the default server.max_body
constexpr auto kLook = std::chrono::milliseconds(10);  // to parse 1 MiB takes 2 ms, 32 MiB 60 ms

/// Of this process. The mutex is held for a few instructions.
struct Queue {
  std::mutex mutex;
  std::list<const Turn*> waiting;
  std::size_t parsed = 0;  // bytes of the bodies whose turn it is
} queue;

}  // namespace

Turn::Turn(std::size_t bytes, Waiter& waiter)
    : bytes_(bytes <= kSmall ? 0 : std::min(bytes, kMost)) {
  if (bytes_ == 0) return;
  {
    const std::lock_guard lock(queue.mutex);
    queue.waiting.push_back(this);
  }
  try {
    while (!begin()) {
      wake_ = waiter.wait(-1, 0, Clock::now() + kLook);
      if (wake_ != Wake::timeout) {
        leave();
        return;
      }
    }
  } catch (...) {  // of what runs before a wait
    leave();
    throw;
  }
  wake_ = Wake::ready;
}

Turn::~Turn() {
  if (bytes_ == 0 || wake_ != Wake::ready) return;
  const std::lock_guard lock(queue.mutex);
  queue.parsed -= bytes_;
}

void Turn::leave() {
  const std::lock_guard lock(queue.mutex);
  queue.waiting.remove(this);
}

bool Turn::begin() {
  const std::lock_guard lock(queue.mutex);
  if (queue.waiting.front() != this || queue.parsed + bytes_ > kMost) return false;
  queue.waiting.pop_front();
  queue.parsed += bytes_;
  return true;
}

}  // namespace gatehouse::core
