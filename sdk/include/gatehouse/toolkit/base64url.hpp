/// Base64 with the alphabet for URLs and without padding (RFC 4648 section 5): text that fits into
/// ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

namespace detail {
inline constexpr View kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

inline std::string to_base64url(View bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out += detail::kBase64Url[bits >> (count - 6) & 63];
  }
  if (count > 0) out += detail::kBase64Url[bits << (6 - count) & 63];
  return out;
}

/// Nothing if the text is not such.
inline std::optional<std::string> from_base64url(View text) {
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = detail::kBase64Url.find(c);
    if (digit == View::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 255));
  }
  return out;
}

}  // namespace v1
}  // namespace gatehouse
