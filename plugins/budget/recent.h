#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "account.h"
#include "gatehouse/toolkit/limit_use.hpp"
#include "gatehouse/toolkit/recent.hpp"

namespace gatehouse::plugins::budget {

/// The accounts that requests of this gateway have used last, for the operator, and so that each is
/// warned of once. Any thread.
class RecentAccounts {
 public:
  static constexpr std::size_t kMost = 10'000;

  /// Remembers an account, of which a request has taken something. True: it is above its soft
  /// limit, and was not before.
  bool update(const Account& account);
  /// A request was rejected, since the account has not as much left as it may need.
  void refuse(const Account& account, std::int64_t needed);
  /// The response of GET /limits.
  std::string json(std::chrono::nanoseconds wall) const;

 private:
  struct Entry {
    LimitUse use;
    bool is_warned = false;
    double needed = 0;  // by the last rejected request

    void set(const Account& account);
  };
  Recent<Entry> entries_{kMost};
};

}  // namespace gatehouse::plugins::budget
