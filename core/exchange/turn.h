#pragma once

#include <cstddef>

#include "core/net/wait.h"

namespace gatehouse::core {

/// A turn at parsing the body of a request. While it is parsed a body takes several times its size,
/// so those of more than 1 MiB that are parsed at the same time have a bound in sum; the others
/// wait, first come, first served.
class Turn {
 public:
  /// Waits for it.
  Turn(std::size_t bytes, Waiter& waiter);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  /// Wake::ready, or why the wait ended without a turn.
  Wake wake() const { return wake_; }

 private:
  bool begin();

  const std::size_t bytes_;  // 0: needs no turn
  Wake wake_ = Wake::ready;
};

}  // namespace gatehouse::core
