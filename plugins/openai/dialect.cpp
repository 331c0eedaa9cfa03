#include "dialect.h"

#include "dialects_json.h"

namespace gatehouse::plugins::openai {

Dialect::Dialect(Json config) {
  auto presets = Document::parse(kDialectsJson);
  const Json all = presets->root(), base = all["compatible"];
  const View otherwise = config["base_url"] ? "compatible" : "openai";
  const Json preset = all[config["dialect"].str(otherwise)];
  const auto setting = [&](View name) {
    if (config[name]) return Json(config[name]);
    return preset[name] ? preset[name] : base[name];
  };
  base_url = setting("base_url").str();
  if (setting("url").str() == "azure") api_version = setting("api_version").str();
  limit = setting("limit").str();
  const View field = setting("reasoning_field").str();
  reasoning_field = field == "none" ? View() : field;
  empty_reasoning = setting("empty_reasoning").boolean();
  short_ids = setting("call_ids").str() == "short";
  effort = setting("reasoning_effort").boolean();
  stream_options = setting("stream_options").boolean();
  max_tools = static_cast<std::size_t>(setting("max_tools").integer());
}

std::string Dialect::path(View operation, View model) const {
  if (api_version.empty()) return std::string(operation);
  std::string path = "/openai";
  if (!model.empty()) path.append("/deployments/").append(model);
  return path.append(operation).append("?api-version=").append(api_version);
}

namespace {

/// OpenRouter puts the vendor in front.
View without_vendor(View model) { return model.substr(model.rfind('/') + 1); }

bool has_digit(View text, std::size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

bool begins(View text, View with) { return text.substr(0, with.size()) == with; }

}  // namespace

bool is_o_series(View model) {
  model = without_vendor(model);
  return model.substr(0, 1) == "o" && has_digit(model, 1);
}

bool is_reasoning_model(View model) {
  if (is_o_series(model)) return true;
  model = without_vendor(model);
  const auto is_digit = [model](std::size_t at) { return has_digit(model, at); };
  const bool is_new =
      model.substr(0, 4) == "gpt-" && is_digit(4) && (model[4] >= '5' || is_digit(5));
  return is_new && model.substr(5, 5) != "-chat";
}

View effort_of(View model, Json reasoning) {
  const Json budget = reasoning["budget_tokens"];
  const View wanted = budget ? effort_for(budget.integer()) : reasoning["effort"].str();
  // "Unsupported value: 'minimal' is not supported with the 'gpt-5.1' model" is the error for
  // others: https://platform.openai.com/docs/guides/reasoning
  static constexpr View kOld[] = {"low", "medium", "high"};
  static constexpr View kFirst[] = {"minimal", "low", "medium", "high"};
  static constexpr View kLater[] = {"none", "low", "medium", "high", "xhigh"};
  if (wanted.empty()) return {};
  if (!is_reasoning_model(model)) return wanted == "max" ? "xhigh" : wanted;
  if (is_o_series(model)) return nearest_effort(kOld, wanted);
  model = without_vendor(model);
  const bool is_first = begins(model, "gpt-5") && !begins(model, "gpt-5.");
  return is_first ? nearest_effort(kFirst, wanted) : nearest_effort(kLater, wanted);
}

}  // namespace gatehouse::plugins::openai
