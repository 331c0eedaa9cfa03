/// When an upstream accepts the next request: Retry-After and the headers beside it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "gatehouse/http.hpp"
#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

/// Longer delays are cut to this one: no request waits longer, and no client needs to know more.
inline constexpr std::chrono::nanoseconds kLongestDelay = std::chrono::hours(24);

/// A number such as "3.5" of this unit, at most kLongestDelay.
inline std::optional<std::chrono::nanoseconds> parse_delay(View number,
                                                           std::chrono::nanoseconds unit) {
  constexpr double kMost = 1e18;  // digits behind this one change nothing, and must not overflow
  double value = 0, scale = 1;
  bool has_digit = false, is_fraction = false;
  for (const char c : number) {
    if (c == '.' && !is_fraction) {
      is_fraction = true;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    has_digit = true;
    if (value >= kMost || scale >= 1e9) continue;
    value = value * 10 + (c - '0');
    if (is_fraction) scale *= 10;
  }
  if (!has_digit) return std::nullopt;
  const double longest = static_cast<double>(kLongestDelay.count());
  return std::chrono::nanoseconds(static_cast<std::int64_t>(
      std::min(value / scale * static_cast<double>(unit.count()), longest)));
}

namespace detail {
/// Days since 1970-01-01 in the Gregorian calendar; March is the first month of the computation, so
/// that the leap day is the last day of a year.
inline std::int64_t days_since_1970(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719'468;
}

/// Until "Sun, 06 Nov 1994 08:49:37 GMT": of the three forms of RFC 9110 5.6.7 the only one that is
/// still sent. `wall`: the time of day.
inline std::optional<std::chrono::nanoseconds> parse_date(const std::string& text,
                                                          std::chrono::nanoseconds wall) {
  constexpr View kMonths = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ";
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  char month[4] = {};
  int end = 0;  // set once GMT has been found
  (void)std::sscanf(text.c_str(), "%*3[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT%n", &day, month, &year,
                    &hour, &minute, &second, &end);
  const auto at = kMonths.find(std::string(month) + ' ');
  if (end == 0 || static_cast<std::size_t>(end) != text.size() || at == View::npos || at % 4 != 0)
    return std::nullopt;
  const std::int64_t days = days_since_1970(year, static_cast<std::int64_t>(at / 4) + 1, day);
  const std::chrono::seconds wait =
      std::chrono::seconds(((days * 24 + hour) * 60 + minute) * 60 + second) -
      std::chrono::duration_cast<std::chrono::seconds>(wall);
  using std::chrono::seconds;
  return std::clamp(wait, seconds(0), std::chrono::duration_cast<seconds>(kLongestDelay));
}
}  // namespace detail

/// The sum of numbers with units that `text` begins with, such as "1h2m3.5s" or "800ms".
inline std::optional<std::chrono::nanoseconds> parse_units(View text) {
  using std::chrono::nanoseconds;
  static constexpr std::pair<View, nanoseconds> kUnits[] = {{"ms", std::chrono::milliseconds(1)},
                                                            {"h", std::chrono::hours(1)},
                                                            {"m", std::chrono::minutes(1)},
                                                            {"s", std::chrono::seconds(1)}};
  std::optional<nanoseconds> sum;
  for (;;) {
    const View number = text.substr(0, text.find_first_not_of("0123456789."));
    text.remove_prefix(number.size());
    const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const auto& u) {
      return text.substr(0, u.first.size()) == u.first;
    });
    if (number.empty() || unit == std::end(kUnits)) return sum;
    const auto time = parse_delay(number, unit->second);
    if (!time) return sum;
    sum = std::min(sum.value_or(nanoseconds(0)) + *time, kLongestDelay);
    text.remove_prefix(unit->first.size());
  }
}

/// Until an RFC 3339 time in UTC, such as "2026-01-01T00:00:00Z". `wall`: the time of day.
inline std::optional<std::chrono::nanoseconds> until(const std::string& time,
                                                     std::chrono::nanoseconds wall) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const int found = std::sscanf(time.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour,
                                &minute, &second);
  if (found != 6 || time.back() != 'Z' || month < 1 || month > 12) return std::nullopt;
  const std::int64_t days = detail::days_since_1970(year, month, day);
  const std::chrono::seconds at(((days * 24 + hour) * 60 + minute) * 60 + second);
  // In seconds, as nanoseconds overflow in the year 2262.
  const auto wait = at - std::chrono::duration_cast<std::chrono::seconds>(wall);
  return std::clamp<std::chrono::seconds>(
      wait, std::chrono::seconds(0),
      std::chrono::duration_cast<std::chrono::seconds>(kLongestDelay));
}

/// The delay that a response asks for in the headers retry-after-ms or else Retry-After. 0: in
/// neither; a delay of nothing is 1 ns. `wall`: the time of day.
inline std::chrono::nanoseconds retry_after(View milliseconds, View seconds_or_date,
                                            std::chrono::nanoseconds wall) {
  auto delay = parse_delay(milliseconds, std::chrono::milliseconds(1));
  if (!delay) delay = parse_delay(seconds_or_date, std::chrono::seconds(1));
  if (!delay) delay = detail::parse_date(std::string(seconds_or_date), wall);
  return delay ? std::max(*delay, std::chrono::nanoseconds(1)) : std::chrono::nanoseconds(0);
}
inline std::chrono::nanoseconds retry_after(const HttpResponse& response,
                                            std::chrono::nanoseconds wall) {
  return retry_after(response.header("retry-after-ms"), response.header("Retry-After"), wall);
}

}  // namespace v1
}  // namespace gatehouse
