#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::budget {

/// What is counted. Of kUsd there are millionths of a US dollar.
enum Unit { kRequests, kTokens, kUsd };
constexpr std::array<View, 3> kUnits = {"requests", "tokens", "usd"};  ///< In the configuration.
using Amounts = std::array<std::int64_t, kUnits.size()>;               ///< By Unit.

/// US dollars in millionths, rounded up.
std::int64_t micro_usd(double usd);
/// US dollars, where it counts millionths.
double as_shown(Unit unit, std::int64_t amount);
/// "1200", "0.25"
std::string number_of(Unit unit, std::int64_t amount);
/// "1200 tokens", "0.25 USD"
std::string text_of(Unit unit, std::int64_t amount);

/// When the minute, day or month (UTC) of this time ends. Both since 1970. 0: `per` is none of
/// them.
std::chrono::seconds end_of_window(View per, std::chrono::nanoseconds wall);

/// One limit, of the configuration or of a caller.
struct Limit {
  /// Without `for`: that of a key.
  explicit Limit(Json config);

  /// The key, user or tenant by which it counts; empty for everyone.
  View name_of(const Caller& caller) const;
  bool applies_to(const Caller& caller, View model) const;

  std::string of;            ///< key, user, tenant or everyone
  std::string match, model;  ///< Empty: any.
  std::string per;
  Amounts most;  ///< 0: no limit.
  double soft;   ///< As a share of `most`; 0: none.
};

}  // namespace gatehouse::plugins::budget
