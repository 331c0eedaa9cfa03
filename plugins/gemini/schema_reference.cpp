#include "schema_reference.h"

#include <algorithm>
#include <charconv>

namespace gatehouse::plugins::gemini {
namespace {

std::optional<std::string> decode_percent(View encoded) {
  std::string out;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(encoded[i]);
    if (c == '%') {
      const View digits = encoded.substr(i + 1, 2);
      if (digits.size() < 2 ||
          std::from_chars(digits.data(), digits.data() + 2, c, 16).ptr != digits.data() + 2)
        return std::nullopt;
      i += 2;
    }
    out.push_back(static_cast<char>(c));
  }
  return out;
}

/// ~1 stands for a slash and ~0 for a tilde.
std::optional<std::string> unescape(View token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out.push_back(token[i]);
      continue;
    }
    const View escaped = token.substr(++i, 1);
    if (escaped != "0" && escaped != "1") return std::nullopt;
    out.push_back(escaped == "1" ? '/' : '~');
  }
  return out;
}

Json child(Json parent, const std::string& name) {
  if (parent.is_object()) return parent[name];
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool is_index =
      parent.is_array() && error == std::errc() && end == name.data() + name.size();
  return is_index && index < parent.size() ? parent.at(index) : Json();
}

}  // namespace

Json referenced(Json root, View reference, std::size_t& left) {
  if (reference.empty() || reference.front() != '#') return Json();
  const auto pointer = decode_percent(reference.substr(1));
  if (!pointer || (!pointer->empty() && pointer->front() != '/')) return Json();
  View rest = *pointer;
  while (root && !rest.empty()) {
    rest.remove_prefix(1);
    const auto name = unescape(rest.substr(0, rest.find('/')));
    if (!name || root.size() > left) return Json();
    left -= root.size();
    root = child(root, *name);
    rest.remove_prefix(std::min(rest.find('/'), rest.size()));
  }
  return root;
}

}  // namespace gatehouse::plugins::gemini
