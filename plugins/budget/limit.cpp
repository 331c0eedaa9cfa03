#include "limit.h"

#include <cmath>

namespace gatehouse::plugins::budget {
namespace {

constexpr double kMicro = 1e6;
// The highest limit of the schema, so that no sum overflows.
constexpr double kMostUsd = 1e9;

/// `pattern` is a name, perhaps with a `*` at its end.
bool fits(View pattern, View name) {
  if (pattern.empty() || pattern.back() != '*') return pattern.empty() || pattern == name;
  pattern.remove_suffix(1);
  return name.substr(0, pattern.size()) == pattern;
}

}  // namespace

std::int64_t micro_usd(double usd) {
  if (!(usd > 0)) return 0;
  // What a sum of doubles is off must not become a millionth more.
  constexpr double kNoise = 1e-6;
  return static_cast<std::int64_t>(std::ceil(std::min(usd, kMostUsd) * kMicro - kNoise));
}

double as_shown(Unit unit, std::int64_t amount) {
  return static_cast<double>(amount) / (unit == kUsd ? kMicro : 1);
}

std::string number_of(Unit unit, std::int64_t amount) {
  if (unit != kUsd) return std::to_string(amount);
  constexpr std::int64_t kWhole = 1'000'000;
  std::string text = std::to_string(amount / kWhole);
  std::string fraction = std::to_string(kWhole + std::abs(amount % kWhole)).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? text : text + '.' + fraction;
}

std::string text_of(Unit unit, std::int64_t amount) {
  const std::string number = number_of(unit, amount);
  if (unit == kUsd) return number + " USD";
  return number + (unit == kTokens ? " tokens" : " requests");
}

std::chrono::seconds end_of_window(View per, std::chrono::nanoseconds wall) {
  using namespace std::chrono;
  const sys_time<nanoseconds> now(wall);
  if (per == "minute") return (floor<minutes>(now) + minutes(1)).time_since_epoch();
  if (per == "day") return (floor<days>(now) + days(1)).time_since_epoch();
  if (per != "month") return seconds(0);
  const year_month_day today(floor<days>(now));
  return sys_days((today.year() / today.month() + months(1)) / 1).time_since_epoch();
}

Limit::Limit(Json config)
    : of(config["for"].str("key")),
      match(config["match"].str()),
      model(config["model"].str()),
      per(config["per"].str()),
      most{config["requests"].integer(), config["tokens"].integer(),
           micro_usd(config["usd"].real())},
      soft(config["soft"].real()) {}

View Limit::name_of(const Caller& caller) const {
  if (of == "key") return caller.key;
  if (of == "user") return caller.user;
  return of == "tenant" ? caller.tenant : View();
}

bool Limit::applies_to(const Caller& caller, View requested) const {
  // A request that names no model may get any, by a default further down.
  return fits(match, name_of(caller)) && (requested.empty() || fits(model, requested));
}

}  // namespace gatehouse::plugins::budget
