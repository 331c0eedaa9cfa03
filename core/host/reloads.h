#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config/problems.h"
#include "core/net/event_fd.h"

namespace gatehouse::core {

/// The outcome of the last reload, and who waits for the next one. Any thread.
class Reloads {
 public:
  struct Outcome {
    std::int64_t at_ms;    // since 1970
    std::string pipeline;  // that serves now, as a picture
    Problems problems;     // with the warnings

    bool ok() const { return problems.empty(); }
  };
  /// Readable when a reload that begins from now on is over: see last(). Throws std::system_error
  /// if there are no descriptors.
  std::shared_ptr<const EventFd> wish() {
    auto done = std::make_shared<const EventFd>();
    const std::lock_guard lock(mutex_);
    wishes_.push_back(done);
    return done;
  }
  using Wishes = std::vector<std::shared_ptr<const EventFd>>;
  /// Before a reload begins: those that it fulfils.
  Wishes take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(wishes_, {});
  }
  /// When it is over.
  void finish(const Wishes& taken, Outcome outcome) {
    {
      const std::lock_guard lock(mutex_);
      last_ = std::move(outcome);
    }
    for (const auto& wish : taken) wish->signal();
  }
  std::optional<Outcome> last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  Wishes wishes_;                // guarded by mutex_
  std::optional<Outcome> last_;  // guarded by mutex_
};

}  // namespace gatehouse::core
