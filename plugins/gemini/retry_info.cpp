#include "retry_info.h"

#include <algorithm>

#include "gatehouse/toolkit/retry_after.hpp"

namespace gatehouse::plugins::gemini {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// A google.protobuf.Duration in its JSON form, such as "3.5s".
std::optional<nanoseconds> parse_retry_delay(Json error) {
  for (const Json detail : error["details"]) {
    const View delay = detail["retryDelay"].str();
    if (!delay.empty() && delay.back() == 's')
      return parse_delay(delay.substr(0, delay.size() - 1), 1s);
  }
  return std::nullopt;
}

/// "Please retry in 1h2m3.5s." or "… in 800ms.": some errors have this and no RetryInfo.
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
    const auto time = parse_delay(number, unit->second);
    if (!time) return sum;
    sum = std::min(sum.value_or(0s) + *time, kLongestDelay);
    message.remove_prefix(unit->first.size());
  }
}

}  // namespace

nanoseconds retry_info(Json error) {
  auto delay = parse_retry_delay(error);
  if (!delay) delay = parse_message(error["message"].str());
  return delay ? std::max(*delay, nanoseconds(1)) : nanoseconds(0);
}

}  // namespace gatehouse::plugins::gemini
