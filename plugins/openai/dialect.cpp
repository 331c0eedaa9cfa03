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

bool is_reasoning_model(View model) {
  model.remove_prefix(model.rfind('/') + 1);  // OpenRouter puts the vendor in front
  const auto is_digit = [&](std::size_t at) {
    return at < model.size() && model[at] >= '0' && model[at] <= '9';
  };
  if (model.substr(0, 1) == "o" && is_digit(1)) return true;
  const bool is_new =
      model.substr(0, 4) == "gpt-" && is_digit(4) && (model[4] >= '5' || is_digit(5));
  return is_new && model.substr(5, 5) != "-chat";
}

}  // namespace gatehouse::plugins::openai
