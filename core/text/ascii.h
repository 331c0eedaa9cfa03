#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace gatehouse::core {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// ASCII letters of either case are equal, as in header names (RFC 9110 5.1).
inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

/// Without the spaces and tabs around it (RFC 9110 5.6.3).
inline std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The decimal number that `text` is, the whole of it; nothing if it is none or does not fit.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace gatehouse::core
