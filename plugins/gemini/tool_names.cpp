#include "tool_names.h"

#include <algorithm>

namespace gatehouse::plugins::gemini {
namespace {

// "Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores
// (_), dots (.), colons (:), or dashes (-), with a maximum length of 64" is Gemini's error. Colons
// separate a name from the namespace that models put in front.
constexpr std::size_t kMaxSize = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool fits(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-'; }

bool fits(View name) {
  return !name.empty() && name.size() <= kMaxSize && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return fits(c); });
}

/// With room for `digits` of the digest of the whole name.
std::string fit(View name, std::size_t digits) {
  std::string out;
  if (name.empty() || !is_letter(name.front())) out.push_back('_');
  for (const char c : name) {
    if (out.size() == kMaxSize - 1 - digits) break;
    out.push_back(fits(c) ? c : '_');
  }
  return out + '_';
}

}  // namespace

ToolNames::ToolNames(const Crypto& crypto, Json tools) : crypto_(crypto), tools_(tools) {
  for (const Json tool : tools) out(tool["name"].str());
}

View ToolNames::out(View ours) {
  if (fits(ours)) return ours;
  if (const auto known = to_gemini_.find(ours); known != to_gemini_.end()) return known->second;
  const std::string digest = hex(crypto_.sha256({ours}));
  std::string name;
  for (std::size_t digits = 8; name.empty() || offered(name) || from_gemini_.count(name) > 0;
       digits += 8)
    name = fit(ours, digits) + digest.substr(0, digits);
  from_gemini_.emplace(name, ours);
  return to_gemini_.emplace(ours, std::move(name)).first->second;
}

View ToolNames::in(View geminis, bool namespaces) const {
  const auto known = [&](View name) {
    const auto found = from_gemini_.find(name);
    if (found != from_gemini_.end()) return View(found->second);
    return offered(name) ? name : View();
  };
  if (const View name = known(geminis); !name.empty()) return name;
  for (const View space : {"default_api:", "default_api.", "functions."}) {
    if (!namespaces || geminis.substr(0, space.size()) != space) continue;
    if (const View name = known(geminis.substr(space.size())); !name.empty()) return name;
  }
  return geminis;
}

Json ToolNames::find(View ours) const {
  for (const Json tool : tools_) {
    if (tool["name"].str() == ours) return tool;
  }
  return Json();
}

}  // namespace gatehouse::plugins::gemini
