#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

/// A key or a value as messages and Markdown quote it: `key`.
inline std::string ticked(std::string_view text) { return '`' + std::string(text) + '`'; }

/// "a, b or c", for `last` = " or ".
inline std::string joined(const std::vector<std::string>& words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? last : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace gatehouse::core
