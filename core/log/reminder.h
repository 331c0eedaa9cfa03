#pragma once

#include <chrono>
#include <optional>

namespace gatehouse::core {

/// Limits records about a lasting problem to one a minute. One thread at a time.
class Reminder {
 public:
  bool due() {
    const auto now = std::chrono::steady_clock::now();
    if (last_ && now - *last_ < std::chrono::minutes(1)) return false;
    last_ = now;
    return true;
  }

 private:
  std::optional<std::chrono::steady_clock::time_point> last_;
};

}  // namespace gatehouse::core
