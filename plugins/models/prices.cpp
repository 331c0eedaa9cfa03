/// A model's entry is a price, or a list of prices of which the first that has not expired counts.
/// Dated versions of a model (`gpt-4.1-2025-04-14`) have the price of the model.
#include "prices.h"

#include <ctime>

#include "gatehouse/files.hpp"
#include "prices_json.h"

namespace gatehouse::plugins::models {
namespace {

constexpr View kFileSchema = R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["models"],
  "definitions": {
    "usd": {"type": "number", "minimum": 0, "maximum": 1000000},
    "long": {
      "type": "object",
      "additionalProperties": false,
      "required": ["above", "input", "output"],
      "properties": {
        "above": {"type": "integer", "minimum": 1},
        "input": {"$ref": "#/definitions/usd"},
        "cached_input": {"$ref": "#/definitions/usd"},
        "cache_write": {"$ref": "#/definitions/usd"},
        "output": {"$ref": "#/definitions/usd"}
      }
    },
    "price": {
      "type": ["object", "array"],
      "minItems": 1,
      "items": {"$ref": "#/definitions/price"},
      "additionalProperties": false,
      "required": ["input", "output"],
      "properties": {
        "until": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                  "x-words": "a date such as 2026-12-31"},
        "input": {"$ref": "#/definitions/usd"},
        "cached_input": {"$ref": "#/definitions/usd"},
        "cache_write": {"$ref": "#/definitions/usd"},
        "output": {"$ref": "#/definitions/usd"},
        "long": {"$ref": "#/definitions/long"}
      }
    }
  },
  "properties": {
    "as_of": {"type": "string"},
    "models": {"type": "object", "additionalProperties": {"$ref": "#/definitions/price"}}
  }
})";

/// "2026-12-31", in UTC. Such texts compare as the dates do.
std::string date_of(std::chrono::nanoseconds wall) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(wall).count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

/// That of this day; empty: all have expired.
Json of_day(Json entry, const std::string& date) {
  if (!entry.is_array()) return entry;
  for (const Json price : entry) {
    const View until = price["until"].str();
    if (until.empty() || View(date) <= until) return price;
  }
  return Json();
}

/// "-2025-04-14", "-001", "@20250219"; not "-5", which is another model.
bool is_version(View rest) {
  return rest.size() > 3 && (rest[0] == '-' || rest[0] == '@') &&
         rest.find_first_not_of("0123456789-", 1) == rest.npos;
}

}  // namespace

Prices::Prices(Host host, View file, std::vector<std::string>& problems) {
  auto built_in = Document::parse(kPricesJson);
  if (!built_in) {
    problems.push_back("the built-in prices cannot be read");
    return;
  }
  models_.root().set(built_in->root()["models"]);
  if (file.empty()) return;
  const auto own = Files(host).load(file, kFileSchema, problems);
  if (!own) return;
  for (const auto [name, price] : own->root()["models"].members())
    models_.root().edit(name).set(price);
}

Json Prices::find(View model) const {
  if (const Json exact = models_.root()[model]) return exact;
  for (std::size_t at = model.size(); at-- > 0;) {
    if (!is_version(model.substr(at))) continue;
    if (const Json price = models_.root()[model.substr(0, at)]) return price;
  }
  return Json();
}

Json Prices::of(View model, std::chrono::nanoseconds wall) const {
  return of_day(find(model), date_of(wall));
}

std::optional<double> Prices::cost(View model, const TokenCounts& tokens,
                                   std::chrono::nanoseconds wall) const {
  Json price = of(model, wall);
  if (!price) return std::nullopt;
  const auto count = [&](View name) { return static_cast<double>(tokens[name].value_or(0)); };
  const double cached = count("cached_input_tokens"), written = count("cache_write_tokens");
  const double input = count("input_tokens");
  const Json longer = price["long"];
  if (longer && input > longer["above"].real()) price = longer;
  const double per_input = price["input"].real();
  constexpr double kPerMillion = 1e-6;
  return kPerMillion *
         ((input - cached - written) * per_input + cached * price["cached_input"].real(per_input) +
          written * price["cache_write"].real(per_input) +
          count("output_tokens") * price["output"].real());
}

}  // namespace gatehouse::plugins::models
