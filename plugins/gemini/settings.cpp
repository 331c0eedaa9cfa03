#include "settings.h"

#include "gatehouse/models.hpp"
#include "generation.h"

namespace gatehouse::plugins::gemini {
namespace {

/// Objects, such as `safety`, are merged by their members.
void put(MutableJson into, Json settings) {
  for (const auto [name, value] : settings.members()) {
    if (value.is_object() && into[name].is_object()) {
      put(into.edit(name), value);
    } else {
      into.edit(name).set(value);
    }
  }
}

/// Of one model, at `pointer` in the configuration.
void warn(Host host, const std::string& pointer, View name, Json settings, const Model& model) {
  const auto say = [&](const std::string& setting, const std::string& what) {
    host.warning(pointer + '/' + setting, std::string(name) + ' ' + what);
  };
  for (const char* setting : {"temperature", "top_p", "top_k"}) {
    if (settings[setting] && !model.sampling)
      say(setting, std::string("ignores ") + setting + ", so it is not sent");
  }
  if (settings["max_output_tokens"].integer() > model.max_output_tokens && !model.continuation) {
    say("max_output_tokens",
        "responds with at most " + std::to_string(model.max_output_tokens) + " tokens");
  }
  if (const std::string nearest = nearest_thinking(model, settings["thinking"]); !nearest.empty()) {
    say("thinking", "does not have this setting, so it uses the nearest one: " + nearest);
  }
  if (settings["builtin_tools"].size() == 0) return;
  if (!model.search) say("builtin_tools", "has none of the tools that Google runs");
  if (model.search && !model.search_with_functions)
    say("builtin_tools", "does not combine Google's tools with functions, which take precedence");
}

void warn_of_end(Host host, const std::string& pointer, View name, const Models& models) {
  if (const std::string ending = models.ending(name, host.wall()); !ending.empty())
    host.warning(pointer, std::string(name) + ' ' + ending);
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
    warn_of_end(host, pointer, name, models);
  }
  for (const std::string& name : OfferedModels(host).list()) {
    if (config["models"][name]) continue;
    warn(host, "", name, general_.root(), models.find(name));
    warn_of_end(host, "", name, models);
  }
}

Json Settings::of(View model) const {
  const auto found = models_.find(model);
  return found == models_.end() ? general_.root() : found->second.root();
}

}  // namespace gatehouse::plugins::gemini
