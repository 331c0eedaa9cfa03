#pragma once

#include <cstddef>

#include "core/net/wait.h"

namespace gatehouse::core {

/// A turn at parsing the body of a request. Parsing takes several times the size of the body, so
/// the sum of bodies over 1 MiB that are parsed at the same time is bounded; further ones wait in
/// order of arrival.
class Turn {
 public:
  /// Waits for the turn.
  Turn(std::size_t bytes, Waiter& waiter);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  /// Wake::ready, or the reason why the wait ended without a turn.
  Wake wake() const { return wake_; }

 private:
  bool begin();
  void leave();

  const std::size_t bytes_;  // 0: needs no turn
  Wake wake_ = Wake::ready;
};

}  // namespace gatehouse::core
