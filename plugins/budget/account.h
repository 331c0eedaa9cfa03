#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "limit.h"

namespace gatehouse::plugins::budget {

/// What one unit of a limit has counted for one caller in one window: a counter of the store.
struct Account {
  std::string key;       ///< In the store.
  std::string of, name;  ///< Whose it is: "key", "ci".
  std::string model;     ///< Only of these models; empty: all.
  std::string per;
  std::chrono::seconds ends;  ///< Of the window, since 1970.
  Unit unit;
  std::int64_t most;      ///< The limit.
  std::int64_t soft;      ///< From where on there are warnings.
  std::int64_t used = 0;  ///< With what running requests have reserved.

  /// "the limit of 1000 tokens per day for each key"
  std::string text() const;
};

/// Adds the accounts of a limit. Two limits that count the same have one, with the lower limit.
/// `ends`: of the window of the limit.
void add_accounts(std::vector<Account>& accounts, const Limit& limit, const Caller& caller,
                  std::chrono::seconds ends);

/// Sets the headers that tell what is left: x-ratelimit-… as OpenAI has them, for each unit that of
/// the account of which the least is left, and a warning if one is above its soft limit.
void set_headers(Exchange& x, const std::vector<Account>& accounts, std::chrono::nanoseconds wall);

}  // namespace gatehouse::plugins::budget
