#include "tools.h"

#include <fnmatch.h>

#include <algorithm>

namespace gatehouse::plugins::mcp {
namespace {

constexpr std::size_t kMaxName = 128;    // MCP 2025-11-25, Tool Names
constexpr std::size_t kMaxTools = 1000;  // more than any model accepts

/// Providers have further rules, which they apply themselves.
bool is_legal(View name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::none_of(name.begin(), name.end(),
                      [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

}  // namespace

Patterns::Patterns(Json list) {
  for (const Json pattern : list) patterns_.emplace_back(pattern.str());
}

bool Patterns::match(const std::string& own_name) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& p) {
    return ::fnmatch(p.c_str(), own_name.c_str(), 0) == 0;
  });
}

View ToolFilter::objection(const std::string& own_name) const {
  if (!allow_.empty() && !allow_.match(own_name)) return "not in tools.allow";
  if (deny_.match(own_name)) return "excluded by tools.deny";
  return {};
}

bool Tools::has(const std::string& own_name) const {
  return std::any_of(offered_.begin(), offered_.end(),
                     [&](const Tool& t) { return t.own_name == own_name; });
}

View Tools::objection(Json tool, const std::string& own_name) const {
  if (tool["unreadable"]) return "its definition is not valid JSON";
  if (!is_legal(own_name) || prefix_.size() + own_name.size() > kMaxName)
    return "its name must be 1 to 128 bytes, with that of the server, without control characters";
  if (!tool["inputSchema"].is_object()) return "it has no inputSchema";
  if (tool["execution"]["taskSupport"].str() == "required") return "it can only run as a task";
  // The second may be there to replace the first.
  if (has(own_name)) return "another tool has the same name";
  if (offered_.size() == kMaxTools) return "the server has more than 1000 tools";
  return filter_.objection(own_name);
}

void Tools::add(Json tool, bool mirrors) {
  std::string own_name(tool["name"].str());
  View why = objection(tool, own_name);
  Mirrored mirrored;
  if (why.empty() && mirrors) why = mirrored.read(tool["inputSchema"]);
  if (!why.empty()) {
    if (left_out_.size() < kMaxTools)
      left_out_.push_back({std::string(cut_utf8(own_name, kMaxName)), why});
    return;
  }
  Tool added{prefix_ + own_name,
             std::move(own_name),
             Document(),
             crypto_.sha256("", tool),
             tool["outputSchema"].is_object(),
             std::move(mirrored)};
  MutableJson definition = added.definition.root();
  definition.edit("name").set(View(added.name));
  if (tool["description"].is_string()) definition.edit("description").set(tool["description"]);
  MutableJson schema = definition.edit("input_schema");
  schema.set(tool["inputSchema"]);
  // As the AI SDK offers them: a server takes the arguments that it declares, and no others.
  if (!schema["properties"]) schema.edit("properties").set_object();
  if (!schema["additionalProperties"] && !schema["patternProperties"])
    schema.edit("additionalProperties").set(false);
  offered_.push_back(std::move(added));
}

void Tools::sort() {
  std::sort(offered_.begin(), offered_.end(),
            [](const Tool& a, const Tool& b) { return a.name < b.name; });
}

const Tool* Tools::find(View name) const {
  const auto found = std::lower_bound(offered_.begin(), offered_.end(), name,
                                      [](const Tool& tool, View n) { return tool.name < n; });
  return found != offered_.end() && found->name == name ? &*found : nullptr;
}

}  // namespace gatehouse::plugins::mcp
