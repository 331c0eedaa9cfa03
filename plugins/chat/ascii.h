/// Text as URL schemes and media types compare it: ASCII letters of any case, blanks around it
/// ignored.
#pragma once

#include <algorithm>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::chat {

inline char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline bool same_letters(View a, View b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

inline View trim(View text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == View::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace gatehouse::plugins::chat
