#include "settings.h"

namespace gatehouse {
namespace {

void put(MutableJson into, Json settings) {
  for (const auto [name, value] : settings.members()) into.edit(name).set(value);
}

/// Of one model, at `pointer` in the configuration.
void warn(Host host, const std::string& pointer, View name, Json settings, const Model& model) {
  const std::string who(name);
  for (const char* setting : {"temperature", "top_p", "top_k"}) {
    if (settings[setting] && !model.sampling) host.warning(pointer + '/' + setting, who + " ignores it, so it is not sent");
  }
  if (settings["builtin_tools"].size() > 0 && !model.search) host.warning(pointer + "/builtin_tools", who + " has none of these");
  const Json limit = settings["max_output_tokens"];
  if (limit.integer() > model.max_output_tokens && !model.continuation) {
    host.warning(pointer + "/max_output_tokens", who + " answers at most " + std::to_string(model.max_output_tokens));
  }
}

}  // namespace

Settings::Settings(Host host, Json config, const Models& models) {
  put(general_.root(), config);
  general_.root().erase(general_.root()["api_key"]);
  general_.root().erase(general_.root()["models"]);
  for (const auto [name, settings] : config["models"].members()) {
    const std::string pointer = "/models/" + std::string(name);
    const MutableJson merged = models_[std::string(name)].root();
    put(merged, general_.root());
    put(merged, settings);
    warn(host, pointer, name, settings, models.find(name));
    if (const std::string ending = models.ending(name, host.wall()); !ending.empty())
      host.warning(pointer, std::string(name) + ' ' + ending);
  }
}

Json Settings::of(View model) const {
  const auto found = models_.find(model);
  return found == models_.end() ? general_.root() : found->second.root();
}

}  // namespace gatehouse
