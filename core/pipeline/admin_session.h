#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "core/net/wait.h"

namespace gatehouse::core {

/// The login of a browser at the admin address: a cookie whose value is its last second and an HMAC
/// of that, keyed by the admin token. Nothing is stored, so another token ends all sessions.
/// Any thread.
class AdminSession {
 public:
  using Time = std::chrono::sys_seconds;
  static constexpr std::chrono::seconds kLongest = std::chrono::hours(12);

  explicit AdminSession(std::string token) : token_(std::move(token)) {}

  /// The value of Set-Cookie that begins a session. `secure`: the page was loaded over HTTPS.
  std::string begin(Time now, bool secure) const;
  /// The value of Set-Cookie that makes the browser forget its session.
  static std::string end();
  /// Whether a Cookie header has a session that has not ended.
  bool is_in(std::string_view cookies, Time now) const;

 private:
  std::string signed_value(Time until) const;

  const std::string token_;
};

/// Counts wrong tokens by client address, so that nobody can try many. Its memory is fixed: some
/// addresses share a count. Any thread.
class WrongTokens {
 public:
  static constexpr int kMost = 10;  // within a window
  static constexpr auto kWindow = std::chrono::minutes(1);

  /// How long no token of this address is looked at; 0: at once.
  Clock::duration wait_of(std::string_view address, Clock::time_point now) const;
  void add(std::string_view address, Clock::time_point now);

 private:
  struct Count {
    Clock::time_point began{};
    int wrong = 0;
  };
  static std::size_t index_of(std::string_view address) {
    return std::hash<std::string_view>()(address) % kCounts;
  }

  static constexpr std::size_t kCounts = 256;
  mutable std::mutex mutex_;
  std::array<Count, kCounts> counts_;  // guarded by mutex_
};

}  // namespace gatehouse::core
