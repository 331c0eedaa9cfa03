#pragma once

#include <algorithm>
#include <string_view>

namespace gatehouse::core {

/// Whether all characters are visible ones of ASCII: no space, no control character.
inline bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace gatehouse::core
