#include "tools.h"

#include <fnmatch.h>

#include <algorithm>

namespace gatehouse {
namespace {

constexpr std::size_t kMaxName = 128;  // what providers take

bool is_legal(View name) {
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

}  // namespace

Patterns::Patterns(Json list) {
  for (const Json pattern : list) patterns_.emplace_back(pattern.str());
}

bool Patterns::match(const std::string& own_name) const {
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const std::string& p) { return ::fnmatch(p.c_str(), own_name.c_str(), 0) == 0; });
}

View ToolFilter::objection(const std::string& own_name) const {
  if (!allow_.empty() && !allow_.match(own_name)) return "tools.allow does not name it";
  if (deny_.match(own_name)) return "tools.deny names it";
  return {};
}

View Tools::objection(Json tool, const std::string& own_name) const {
  if (!is_legal(prefix_ + own_name))
    return "its name has other characters than A-Z a-z 0-9 _ . - or, with that of the server, more than 128";
  if (!tool["inputSchema"].is_object()) return "it has no inputSchema";
  if (tool["execution"]["taskSupport"].str() == "required") return "it can only be run as a task";
  // The second of a name may have been put there to take the place of the first.
  if (std::any_of(offered_.begin(), offered_.end(), [&](const Tool& t) { return t.own_name == own_name; }))
    return "another tool has its name";
  return filter_.objection(own_name);
}

void Tools::add(Json tool) {
  std::string own_name(tool["name"].str());
  if (const View why = objection(tool, own_name); !why.empty()) {
    left_out_.push_back({own_name.substr(0, kMaxName), why});
    return;
  }
  Tool added{prefix_ + own_name, std::move(own_name), Document(), crypto_.sha256("", tool), tool["outputSchema"].is_object()};
  MutableJson definition = added.definition.root();
  definition.edit("name").set(View(added.name));
  if (tool["description"].is_string()) definition.edit("description").set(tool["description"]);
  definition.edit("input_schema").set(tool["inputSchema"]);
  offered_.push_back(std::move(added));
}

void Tools::sort() {
  std::sort(offered_.begin(), offered_.end(), [](const Tool& a, const Tool& b) { return a.name < b.name; });
}

const Tool* Tools::find(View name) const {
  const auto found = std::lower_bound(offered_.begin(), offered_.end(), name, [](const Tool& tool, View n) { return tool.name < n; });
  return found != offered_.end() && found->name == name ? &*found : nullptr;
}

}  // namespace gatehouse
