/// Files of the chat document as APIs take them: by their types, or as texts.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "gatehouse/json.hpp"

namespace gatehouse {
inline namespace v1 {

namespace detail {
// Of a file that goes as text: a quarter of a million tokens.
inline constexpr std::size_t kMaxTextBytes = 1 << 20;

/// RFC 4648 4; nothing if it is not base64, or more than a text may have.
inline std::optional<std::string> decode_base64(View text) {
  static constexpr auto kValues = [] {
    std::array<signed char, 256> values{};
    for (auto& value : values) value = -1;
    for (int i = 0; i < 64; ++i)
      values[static_cast<unsigned char>(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[i])] =
          static_cast<signed char>(i);
    return values;
  }();
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() / 4 * 3 > kMaxTextBytes) return std::nullopt;
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xFF));
  }
  return out;
}

/// UTF-8 (RFC 3629) without the control characters that only binary files have.
inline bool is_text(View bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto at = [&](std::size_t n) {
      return i + n < bytes.size() ? static_cast<unsigned char>(bytes[i + n]) : 0u;
    };
    const auto follows = [&](std::size_t n) { return (at(n) & 0xC0) == 0x80; };
    const unsigned c = at(0);
    if (c < 0x80) {
      if (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1B) return false;
      i += 1;
    } else if (c >= 0xC2 && c <= 0xDF && follows(1)) {
      i += 2;
    } else if (c >= 0xE0 && c <= 0xEF && follows(1) && follows(2)) {
      if ((c == 0xE0 && at(1) < 0xA0) || (c == 0xED && at(1) > 0x9F)) return false;
      i += 3;
    } else if (c >= 0xF0 && c <= 0xF4 && follows(1) && follows(2) && follows(3)) {
      if ((c == 0xF0 && at(1) < 0x90) || (c == 0xF4 && at(1) > 0x8F)) return false;
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}
}  // namespace detail

/// The text of a file, whatever its type; nothing if it is not a text, is longer than 1 MiB, or is
/// a URL.
inline std::optional<std::string> text_of(Json file) {
  if (!file["data"]) return std::nullopt;
  auto text = detail::decode_base64(file["data"].str());
  if (text && !detail::is_text(*text)) text.reset();
  return text;
}

/// A media type in small letters and without parameters: "Image/JPG; q=1" becomes "image/jpeg", and
/// so does the wildcard, which no API accepts.
inline std::string plain_type(View media_type) {
  const std::string type = lower(trim(media_type.substr(0, media_type.find(';'))));
  return type == "image/*" || type == "image/jpg" ? "image/jpeg" : type;
}

/// Of plain types: the images that every API with images reads.
inline bool is_common_image(View type) {
  return type == "image/png" || type == "image/jpeg" || type == "image/gif" || type == "image/webp";
}
/// Of plain types: files that are read as text where an API has no such files.
inline bool is_text_type(View type) {
  return type.substr(0, 5) == "text/" || type == "application/json";
}

}  // namespace v1
}  // namespace gatehouse
