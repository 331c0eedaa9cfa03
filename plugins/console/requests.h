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

/// A request that has ended. Its texts are bounded, and keep their memory for the next one.
struct Request {
  static constexpr std::size_t kMaxContent = 1024;

  /// What is known of it when it has ended.
  void set(const Exchange& x, const Outcome& outcome, const Failure& failure,
           std::chrono::milliseconds began, std::chrono::nanoseconds took);
  /// Of a chat: what each plugin took.
  void set_times(const Exchange& x, const GatewayStatus& gateway);
  /// Of a chat, only if the configuration allows content.
  void set_content(View prompt, View response);
  /// Appends it as a JSON object.
  void write(std::string& out) const;

  std::uint64_t number = 0;  // the first since the start has 1; 0: none

 private:
  static constexpr View kNames[] = {"id",     "method", "path", "outcome", "code",    "detail",
                                    "tenant", "user",   "key",  "prompt",  "response"};
  void add(View text, std::size_t most);

  std::chrono::milliseconds began_{0};  // since 1970
  std::chrono::nanoseconds took_{0};
  int status_ = 0;
  bool is_chat_ = false;
  // One behind the other, since each string of its own would be memory that is far from the rest.
  std::string texts_;
  std::array<std::uint16_t, std::size(kNames)> ends_{};  // of those in texts_
  std::size_t count_ = 0;                                // of those
  std::string notes_;   // as JSON, which takes less memory than a document
  std::string timing_;  // the value of a Server-Timing header
};

/// The last requests, with texts of at most 3.4 MiB. Any thread; requests that end at the same time
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
