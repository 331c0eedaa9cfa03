#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace gatehouse::core {

/// The decimal number that the whole text is; nothing if it is not one or does not fit.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace gatehouse::core
