#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/outcome.hpp"

namespace gatehouse::plugins::console {

/// A request that has ended. The length of its texts is bounded.
struct Request {
  static constexpr std::size_t kMaxContent = 1024;

  std::uint64_t number = 0;            // the first since the start has 1; 0: none
  std::chrono::milliseconds began{0};  // since 1970
  double took_ms = 0;
  int status = 0;
  bool is_chat = false;
  std::string id, method, path, tenant, user, key, outcome, code, detail;
  Document notes;                // a copy of x.notes(), which costs less than its text
  std::string timing;            // of chats: the value of a Server-Timing header
  std::string prompt, response;  // only if the configuration allows content

  void set(const Exchange& x, const Outcome& ended, const Failure& failure,
           const GatewayStatus& gateway);
  /// Appends it as a JSON object.
  void write(std::string& out) const;
};

/// The last requests, in memory of at most 4 MiB. Any thread; requests that end at the same time
/// do not wait for each other.
class Requests {
 public:
  static constexpr std::uint64_t kMost = 500;

  /// `fill(Request&)` sets the next one, whose strings reuse the memory of an earlier one.
  template <class Fill>
  void add(Fill fill) {
    const std::uint64_t number = ++last_;
    Slot& slot = slots_[number % kMost];
    const std::lock_guard lock(slot.mutex);
    fill(slot.request);
    slot.request.number = number;
  }
  /// Calls `see(const Request&)` for those after `number`, oldest first. Returns the number of the
  /// last one.
  template <class See>
  std::uint64_t after(std::uint64_t number, See see) const {
    const std::uint64_t last = last_;
    if (number > last) number = 0;  // of an earlier process
    const std::uint64_t oldest = last - std::min(last, kMost) + 1;
    for (std::uint64_t i = std::max(number + 1, oldest); i <= last; ++i) {
      const Slot& slot = slots_[i % kMost];
      const std::lock_guard lock(slot.mutex);
      if (slot.request.number < i) return i - 1;  // it is being set
      if (slot.request.number == i) see(slot.request);
    }
    return last;
  }

 private:
  struct Slot {
    mutable std::mutex mutex;
    Request request;  // guarded by mutex
  };
  std::atomic<std::uint64_t> last_{0};
  std::array<Slot, kMost> slots_;
};

}  // namespace gatehouse::plugins::console
