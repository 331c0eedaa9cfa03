#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gatehouse/text.hpp"

namespace gatehouse::core {

/// A duration such as "250ms", in milliseconds, or a size such as "64KiB", in bytes: what `format`
/// says, `duration` or `size`. Nothing if the text is neither.
inline std::optional<std::int64_t> quantity(std::string_view format, std::string_view text) {
  if (format == "duration") {
    const auto time = v1::parse_duration(text);
    return time ? std::optional<std::int64_t>(time->count()) : std::nullopt;
  }
  const auto bytes = format == "size" ? v1::parse_size(text) : std::nullopt;
  return bytes ? std::optional(static_cast<std::int64_t>(*bytes)) : std::nullopt;
}

}  // namespace gatehouse::core
