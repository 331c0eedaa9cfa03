/// What callers have used of their limits, as plugins that limit them show it to the operator:
/// the response of an admin route "GET /limits".
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse {
inline namespace v1 {

/// What one caller has used of one limit. Times are those since 1970.
struct LimitUse {
  std::string of, name;  ///< Whose it is: "key", "ci"; one for all callers has no name.
  std::string model;     ///< Only requests of these models count; empty: of all.
  std::string per;       ///< "day", "60 s"; empty: at any time.
  std::string unit;      ///< "requests", "tokens", "usd"
  double limit = 0, used = 0;
  std::chrono::nanoseconds resets_at{0};      ///< Then nothing is used, without further requests.
  std::int64_t refused = 0;                   ///< Requests that it has rejected.
  std::chrono::nanoseconds refuses_until{0};  ///< Until when it would reject the last one again.

  void write(JsonText json, std::chrono::nanoseconds wall) const {
    const auto seconds = [](std::chrono::nanoseconds time) {
      return std::int64_t{std::chrono::ceil<std::chrono::seconds>(time).count()};
    };
    const auto unless_empty = [&json](View key, const std::string& text) {
      if (!text.empty()) json.member(key, View(text));
    };
    const auto number = [&json](View key, double value) {
      char text[32];
      const char* const end = std::to_chars(text, text + sizeof text, value).ptr;
      json.key(key).raw(View(text, static_cast<std::size_t>(end - text)));
    };
    json.open('{').member("for", View(of));
    unless_empty("name", name);
    unless_empty("model", model);
    unless_empty("per", per);
    json.member("unit", View(unit));
    number("limit", limit);
    number("used", used);
    number("left", std::max(limit - used, 0.0));
    json.member("resets_at", seconds(resets_at)).member("refused", refused);
    if (wall < refuses_until) json.member("refuses_until", seconds(refuses_until));
    json.close('}');
  }
};

/// {"limits": […]}: at most 100 of those that count at the time `wall`. First those that reject
/// requests now, then those of which the largest share is used.
inline std::string limits_json(std::vector<LimitUse> uses, std::chrono::nanoseconds wall) {
  constexpr std::size_t kMost = 100;
  const auto has_ended = [wall](const LimitUse& use) { return use.resets_at <= wall; };
  uses.erase(std::remove_if(uses.begin(), uses.end(), has_ended), uses.end());
  const auto rank = [wall](const LimitUse& use) {
    return std::pair(wall < use.refuses_until, use.used / use.limit);
  };
  std::stable_sort(uses.begin(), uses.end(),
                   [&rank](const LimitUse& a, const LimitUse& b) { return rank(a) > rank(b); });
  if (uses.size() > kMost) uses.resize(kMost);
  std::string out;
  JsonText json(out);
  json.open('{').key("limits").open('[');
  for (const LimitUse& use : uses) use.write(json, wall);
  json.close(']').close('}');
  return out;
}

}  // namespace v1
}  // namespace gatehouse
