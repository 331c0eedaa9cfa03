#pragma once

#include <cstdio>
#include <string>

namespace gatehouse::plugins::console {

/// As JSON, without needless digits.
inline std::string text_of(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", number);
  return text;
}

}  // namespace gatehouse::plugins::console
