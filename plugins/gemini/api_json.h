#pragma once

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::gemini {

/// Appends the member `name` with what `fill` writes between `brackets`, "[]" or "{}", unless that
/// is nothing: Gemini rejects some empty lists, and ignores the others.
template <typename Fill>
void member_unless_empty(std::string& out, View name, View brackets, Fill fill) {
  const std::size_t start = out.size();
  JsonText json(out);
  json.key(name).open(brackets[0]);
  const std::size_t first = out.size();
  fill();
  if (out.size() == first) return out.resize(start);
  json.close(brackets[1]);
}

/// The API spells in capitals what the chat document and the settings spell in small letters.
inline std::string upper(View word) {
  std::string out(word);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

}  // namespace gatehouse::plugins::gemini
