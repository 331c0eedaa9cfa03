/// models.json has families, models and images; each is a set of rules that overrides the set
/// before it. A model is found by the longest entry that its name begins with, so new versions of a
/// known model need no entry, and "" has the rules of all others.
#include "models.h"

#include <algorithm>
#include <charconv>

#include "models_json.h"

namespace gatehouse::plugins::gemini {
namespace {

constexpr int kWarnDays = 90;  // before a model ends: a quarter to change a configuration in
// Google released five models in the 120 days before the file was made.
constexpr int kStaleDays = 120;

/// Of the operator's file. `rules` are the same for a family, a model and what draws.
constexpr View kFileSchema = R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["as_of", "families", "models"],
  "definitions": {
    "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    "names": {"type": "array", "items": {"type": "string", "minLength": 1}},
    "rules": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "family": {"type": "string"},
        "thinking": {"enum": ["none", "budget", "levels"]},
        "levels": {"type": "array", "minItems": 1,
                   "items": {"enum": ["minimal", "low", "medium", "high", "xhigh"]}},
        "budget": {"type": "array", "minItems": 2, "maxItems": 2,
                   "items": {"type": "integer", "minimum": 0}},
        "off": {"type": "boolean"},
        "include_thoughts": {"type": "boolean"},
        "signature": {"enum": ["optional", "dummy", "strip"]},
        "sampling": {"type": "boolean"},
        "penalties": {"type": "boolean"},
        "last_turn_model": {"type": "boolean"},
        "system_instruction": {"type": "boolean"},
        "documents": {"type": "boolean"},
        "functions": {"type": "boolean"},
        "response_parts": {"type": "boolean"},
        "response_schema": {"type": "boolean"},
        "schema_with_functions": {"type": "boolean"},
        "search": {"type": "boolean"},
        "search_with_functions": {"type": "boolean"},
        "continuation": {"type": "boolean"},
        "max_output_tokens": {"type": "integer", "minimum": 1},
        "first_byte": {"type": "string", "format": "duration"},
        "modalities": {"$ref": "#/definitions/names"},
        "ends": {"$ref": "#/definitions/date"},
        "gone": {"type": "boolean"},
        "successor": {"type": "string", "minLength": 1}
      }
    }
  },
  "properties": {
    "as_of": {"$ref": "#/definitions/date"},
    "families": {"type": "object", "additionalProperties": {"$ref": "#/definitions/rules"}},
    "images": {
      "type": "object",
      "additionalProperties": false,
      "required": ["names", "rules"],
      "properties": {"names": {"$ref": "#/definitions/names"},
                     "rules": {"$ref": "#/definitions/rules"}}
    },
    "models": {"type": "object", "required": [""],
               "additionalProperties": {"$ref": "#/definitions/rules"}}
  }
})";

/// "2026-12-01", which the schema has checked.
Model::Days date(View text) {
  const auto number = [&](std::size_t at, std::size_t size) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + size, value);
    return value;
  };
  return std::chrono::year(number(0, 4)) / number(5, 2) / number(8, 2);
}

int days_from(std::chrono::nanoseconds wall, Model::Days day) {
  return static_cast<int>((day - std::chrono::floor<std::chrono::days>(
                                     std::chrono::sys_time<std::chrono::nanoseconds>(wall)))
                              .count());
}

std::vector<std::string> texts(Json array) {
  std::vector<std::string> out;
  for (const Json text : array) out.emplace_back(text.str());
  return out;
}

void apply_flags(Json rules, Model& model) {
  const auto flag = [&](View name, bool& value) { value = rules[name].boolean(value); };
  flag("off", model.off);
  flag("include_thoughts", model.include_thoughts);
  flag("sampling", model.sampling);
  flag("penalties", model.penalties);
  flag("last_turn_model", model.last_turn_model);
  flag("system_instruction", model.system_instruction);
  flag("documents", model.documents);
  flag("functions", model.functions);
  flag("response_parts", model.response_parts);
  flag("response_schema", model.response_schema);
  flag("schema_with_functions", model.schema_with_functions);
  flag("search", model.search);
  flag("search_with_functions", model.search_with_functions);
  flag("continuation", model.continuation);
  flag("gone", model.gone);
}

/// Overrides members of `model` by the rules.
void apply(Json rules, Model& model) {
  apply_flags(rules, model);
  const View thinking = rules["thinking"].str();
  if (thinking == "none") model.thinking = Model::Thinking::none;
  if (thinking == "budget") model.thinking = Model::Thinking::budget;
  if (thinking == "levels") model.thinking = Model::Thinking::levels;
  if (const Json levels = rules["levels"]) model.levels = texts(levels);
  if (const Json budget = rules["budget"]) {
    model.least_budget = budget.at(0).integer();
    model.most_budget = budget.at(1).integer();
  }
  const View signature = rules["signature"].str();
  if (signature == "optional") model.signature = Model::Signature::optional;
  if (signature == "dummy") model.signature = Model::Signature::dummy;
  if (signature == "strip") model.signature = Model::Signature::strip;
  model.max_output_tokens = rules["max_output_tokens"].integer(model.max_output_tokens);
  model.first_byte = rules["first_byte"].duration(model.first_byte);
  if (const Json modalities = rules["modalities"]) model.modalities = texts(modalities);
  if (const Json ends = rules["ends"]) {
    model.ends = date(ends.str());
    model.ends_on = ends.str();
  }
  if (const Json successor = rules["successor"]) model.successor = successor.str();
}

}  // namespace

Models::Models(Host host, View file) {
  auto document = Document::parse(kModelsJson);
  if (!file.empty()) {
    std::vector<std::string> problems;
    if (auto own = Files(host).load(file, kFileSchema, problems)) document = std::move(*own);
    for (const std::string& problem : problems) host.problem("/models_file", problem);
  }
  const Json root = document->root();
  read(root);
  const std::string as_of(root["as_of"].str());
  if (days_from(host.wall(), date(as_of)) < -kStaleDays) {
    host.warning(file.empty() ? "" : "/models_file", "the data about Gemini's models is of " +
                                                         as_of + "; set models_file to newer data");
  }
}

void Models::read(Json root) {
  const Json images = root["images"];
  image_names_ = texts(images["names"]);
  std::vector<std::pair<View, Json>> models;
  for (const auto [name, rules] : root["models"].members()) models.emplace_back(name, rules);
  std::stable_sort(models.begin(), models.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  for (const auto& [name, rules] : models) {
    Entry& entry = entries_.emplace_back();
    entry.model.name = name;
    apply(root["families"][rules["family"].str()], entry.model);
    apply(rules, entry.model);
    entry.image = entry.model;
    apply(images["rules"], entry.image);
  }
}

const Model& Models::Entry::rules(View name, const std::vector<std::string>& image_names) const {
  const bool draws =
      std::any_of(image_names.begin(), image_names.end(),
                  [&](const std::string& part) { return name.find(part) != name.npos; });
  return draws ? image : model;
}

const Models::Entry& Models::find_entry(View name) const {
  return *std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return name.substr(0, e.model.name.size()) == e.model.name;
  });
}

View Models::current(View requested) const {
  // A file may name successors in a circle.
  for (std::size_t hops = 0; hops < entries_.size(); ++hops) {
    const Entry& entry = find_entry(requested);
    const bool is_reported =
        requested == entry.model.name && entry.gone.load(std::memory_order_relaxed);
    if ((!entry.model.gone && !is_reported) || entry.model.successor.empty()) break;
    requested = entry.model.successor;
  }
  return requested;
}

bool Models::note_gone(View name) {
  const Entry& entry = find_entry(name);
  // A made-up name is not that of a model.
  if (entry.model.name != name || entry.model.successor.empty()) return false;
  entry.gone.store(true, std::memory_order_relaxed);
  return true;
}

std::string Models::ending(View name, std::chrono::nanoseconds wall) const {
  const Model& model = find_entry(name).model;
  if (!model.gone && (!model.ends || days_from(wall, *model.ends) > kWarnDays)) return {};
  std::string text = "is gone";
  if (!model.gone) {
    text = days_from(wall, *model.ends) > 0 ? "ends on " : "ended on ";
    text += model.ends_on;
  }
  if (!model.successor.empty()) text += "; its successor is " + model.successor;
  return text;
}

}  // namespace gatehouse::plugins::gemini
