#include "core/commands/terminal.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace gatehouse::core {

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

std::string milliseconds_of(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fms", seconds * 1000);
  return text;
}

void print_table(const std::vector<std::vector<std::string>>& rows, std::size_t texts) {
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::size_t width = 0;
      for (const auto& other : rows) width = std::max(width, other[i].size());
      const std::string space(width - row[i].size(), ' ');
      const bool is_text = i < texts || i + 1 == row.size();
      line += (i > 0 ? "  " : "") + (is_text ? row[i] + space : space + row[i]);
    }
    std::cout << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
  }
}

}  // namespace gatehouse::core
