#include "names.h"

#include <algorithm>

#include "gatehouse/models.hpp"

namespace gatehouse::plugins::models {
namespace {

bool is_pattern(View name) { return !name.empty() && name.back() == '*'; }

/// RFC 6901: the name as a part of a JSON pointer.
std::string pointer_to(View name) {
  std::string out = "/names/";
  for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

std::vector<Json> elements(Json value) {
  if (!value.is_array()) return {value};
  std::vector<Json> out;
  for (const Json element : value) out.push_back(element);
  return out;
}

}  // namespace

std::string Name::model_of(const Target& target, View asked) const {
  std::string model = target.model();
  if (const std::size_t star = model.find('*'); star != model.npos)
    model.replace(star, 1, asked.substr(text.size() - 1));
  return model;
}

Names::Names(Host host, Json config, Targets& targets) {
  const OfferedModels models(host);
  for (const auto [text, value] : config["names"].members()) {
    auto name = std::make_unique<Name>();
    name->text = text;
    if (value["defaults"]) name->defaults.root().set(value["defaults"]);
    const std::string pointer = pointer_to(text);
    for (const Json element : elements(value.is_object() ? value["to"] : value)) {
      const View target = element.is_object() ? element["target"].str() : element.str();
      const std::size_t slash = target.find('/');
      const View provider = target.substr(0, slash);
      const View model = slash == target.npos ? View() : target.substr(slash + 1);
      if (provider.empty() || model.empty()) {
        host.problem(pointer, std::string("`").append(target) +
                                  "` is no target: write PROVIDER/MODEL, such as "
                                  "openai/gpt-4.1");
        continue;
      }
      if (model.find('*') != model.npos && !is_pattern(text)) {
        host.problem(pointer, std::string("`").append(target) +
                                  "` has a `*`, but the name that leads to it has none");
        continue;
      }
      name->choices.push_back(
          {&targets.get(config["breaker"], provider, model), element["weight"].integer()});
      models.lead(text, provider, model);
    }
    all_.push_back(std::move(name));
  }
  for (const auto& name : all_) {
    if (is_pattern(name->text)) {
      patterns_.push_back(name.get());
    } else {
      exact_.emplace(name->text, name.get());
      listed_.push_back(name->text);
    }
  }
  std::stable_sort(patterns_.begin(), patterns_.end(),
                   [](const Name* a, const Name* b) { return a->text.size() > b->text.size(); });
}

const Name* Names::find(View model) const {
  if (const auto exact = exact_.find(model); exact != exact_.end()) return exact->second;
  for (const Name* pattern : patterns_) {
    const View front = View(pattern->text).substr(0, pattern->text.size() - 1);
    if (model.substr(0, front.size()) == front) return pattern;
  }
  return nullptr;
}

std::string Names::list() const {
  std::string out;
  for (const auto& name : all_) out += (out.empty() ? "" : ", ") + name->text;
  return out;
}

}  // namespace gatehouse::plugins::models
