#pragma once

#include <boost/circular_buffer.hpp>
#include <cstddef>
#include <cstdint>

#include "core/net/wait.h"
#include "gatehouse/abi/ext/store.h"

namespace gatehouse::core {

/// The takes of one quota, oldest first.
///
/// Up to a limit of kParts each take has an entry of its own. Above it, all takes within the same
/// part of the window share one, which counts until the last of them has left the window: memory
/// is bounded, no span of the window ever has more than the limit, and a take counts at most
/// 1/kParts of the window too long.
class Takes {
 public:
  static constexpr std::int64_t kParts = 1000;

  /// The time within which two takes share an entry.
  static std::int64_t part_ns(const gh_quota& quota) {
    return quota.limit > kParts ? quota.window_ns / kParts : 1;
  }

  /// Of all takes together, as of the last call of has_room().
  std::int64_t units() const { return units_; }
  std::size_t bytes() const { return entries_.capacity() * sizeof(Entry); }

  /// Fills in `remaining` and `reset_ns`, without taking anything. False: too little is left.
  bool has_room(gh_quota& quota, Clock::time_point now);
  /// After has_room(). `now` is not before any other take.
  void take(gh_quota& quota, Clock::time_point now);
  /// Undoes take(quota, at). False: it no longer counts.
  bool give_back(const gh_quota& quota, Clock::time_point at);

 private:
  struct Entry {
    Clock::time_point last;  // of its takes
    std::int64_t units;
  };

  /// Whether the two, in order, are in the same part of the window.
  static bool share_part(Clock::time_point one, Clock::time_point next, const gh_quota& quota);
  /// Until the oldest `units` no longer count; there are as many.
  std::int64_t reset_ns(std::int64_t units, const gh_quota& quota, Clock::time_point now) const;

  boost::circular_buffer<Entry> entries_;
  std::int64_t units_ = 0;
};

}  // namespace gatehouse::core
