#include "retry_after.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace gatehouse::plugins::gemini {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr nanoseconds kLongest = 24h;  // no request waits longer, and no client needs to know more

/// A number such as "3.5" of this unit.
std::optional<nanoseconds> parse_time(View text, nanoseconds unit) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !(number >= 0))
    return std::nullopt;
  const double ns = number * static_cast<double>(unit.count());
  return nanoseconds(
      static_cast<std::int64_t>(std::min(ns, static_cast<double>(kLongest.count()))));
}

/// Until "Sun, 06 Nov 1994 08:49:37 GMT": of the three forms of RFC 9110 5.6.7 the only one that is
/// still sent.
std::optional<nanoseconds> parse_date(const std::string& text, nanoseconds wall) {
  static constexpr View kMonths = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ";
  std::tm date{};
  char month[4] = {};
  int end = 0;  // set when GMT has been found
  (void)std::sscanf(text.c_str(), "%*3[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT%n", &date.tm_mday,
                    month, &date.tm_year, &date.tm_hour, &date.tm_min, &date.tm_sec, &end);
  const auto at = kMonths.find(std::string(month) + ' ');
  if (end == 0 || static_cast<std::size_t>(end) != text.size() || at == View::npos || at % 4 != 0)
    return std::nullopt;
  date.tm_mon = static_cast<int>(at / 4);
  date.tm_year -= 1900;
  const std::chrono::seconds wait = std::chrono::seconds(::timegm(&date)) -
                                    std::chrono::duration_cast<std::chrono::seconds>(wall);
  return std::clamp<std::chrono::seconds>(
      wait, 0s, std::chrono::duration_cast<std::chrono::seconds>(kLongest));
}

/// A google.protobuf.Duration in its JSON form, such as "3.5s".
std::optional<nanoseconds> parse_retry_info(Json error) {
  for (const Json detail : error["details"]) {
    const View delay = detail["retryDelay"].str();
    if (!delay.empty() && delay.back() == 's')
      return parse_time(delay.substr(0, delay.size() - 1), 1s);
  }
  return std::nullopt;
}

/// "Please retry in 1h2m3.5s." or "… in 800ms.", which some errors have and no RetryInfo.
std::optional<nanoseconds> parse_message(View message) {
  constexpr View kBefore = "retry in ";
  constexpr std::pair<View, nanoseconds> kUnits[] = {
      {"ms", 1ms}, {"h", 1h}, {"m", 1min}, {"s", 1s}};
  const auto at = message.find(kBefore);
  if (at == View::npos) return std::nullopt;
  message.remove_prefix(at + kBefore.size());
  std::optional<nanoseconds> sum;
  for (;;) {
    const View number = message.substr(0, message.find_first_not_of("0123456789."));
    message.remove_prefix(number.size());
    const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const auto& u) {
      return message.substr(0, u.first.size()) == u.first;
    });
    if (number.empty() || unit == std::end(kUnits)) return sum;
    const auto time = parse_time(number, unit->second);
    if (!time) return sum;
    sum = std::min(sum.value_or(0s) + *time, kLongest);
    message.remove_prefix(unit->first.size());
  }
}

}  // namespace

nanoseconds retry_after(View milliseconds, View seconds_or_date, Json error, nanoseconds wall) {
  auto wait = parse_time(milliseconds, 1ms);
  if (!wait) wait = parse_time(seconds_or_date, 1s);
  if (!wait) wait = parse_date(std::string(seconds_or_date), wall);
  if (!wait) wait = parse_retry_info(error);
  if (!wait) wait = parse_message(error["message"].str());
  return wait ? std::max(*wait, nanoseconds(1)) : nanoseconds(0);
}

}  // namespace gatehouse::plugins::gemini
