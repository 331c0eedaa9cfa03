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
  const auto at = message.find(kBefore);
  return at == View::npos ? std::nullopt : parse_units(message.substr(at + kBefore.size()));
}

}  // namespace

nanoseconds retry_info(Json error) {
  auto delay = parse_retry_delay(error);
  if (!delay) delay = parse_message(error["message"].str());
  return delay ? std::max(*delay, nanoseconds(1)) : nanoseconds(0);
}

}  // namespace gatehouse::plugins::gemini
