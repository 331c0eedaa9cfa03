/// Data URLs (RFC 2397), in which clients send files.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

/// The pieces of a data URL, as views of it.
struct DataUrl {
  View media_type;  ///< Without parameters; empty if the URL names none.
  bool is_base64;
  View data;  ///< Base64, or percent-encoded bytes.
};

namespace detail {
inline constexpr View kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::uint8_t, 256> not_base64() {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = 1;
  for (const char c : kBase64) table[static_cast<unsigned char>(c)] = 0;
  return table;
}

inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = to_lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}
}  // namespace detail

/// A per cent sign that two hex digits do not follow stands for itself, as in browsers.
inline std::string percent_decode(View text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? detail::hex_digit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : detail::hex_digit(text[i + 2]);
    out.push_back(low < 0 ? text[i] : static_cast<char>(high << 4 | low));
    if (low >= 0) i += 2;
  }
  return out;
}

inline bool is_data_url(View url) { return equals_ignoring_case(url.substr(0, 5), "data:"); }

/// Nothing unless `url` has the form data:[type][;parameter]...[;base64],data
inline std::optional<DataUrl> parse_data_url(View url) {
  const std::size_t comma = url.find(',');
  if (!is_data_url(url) || comma == View::npos) return std::nullopt;
  const View head = url.substr(5, comma - 5);
  const std::size_t last = head.rfind(';');
  const bool is_base64 =
      last != View::npos && equals_ignoring_case(trim(head.substr(last + 1)), "base64");
  return DataUrl{trim(head.substr(0, head.find(';'))), is_base64, url.substr(comma + 1)};
}

/// Whether `text` has characters of base64 (RFC 4648 section 4) only, with or without padding, and
/// is not empty. Of any length: some programs cut what they encode, which decoders accept.
inline bool looks_like_base64(View text) {
  static constexpr std::array<std::uint8_t, 256> kForeign = detail::not_base64();
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding)
    text.remove_suffix(1);
  // No early exit: files of 20 MB are ordinary, faults are not, and the loop is vectorised.
  std::uint8_t foreign = 0;
  for (const char c : text) foreign |= kForeign[static_cast<unsigned char>(c)];
  return !text.empty() && foreign == 0;
}

/// The same, and it is complete.
inline bool is_base64(View text) {
  const std::size_t digits = text.substr(0, text.find_last_not_of('=') + 1).size();
  return looks_like_base64(text) && digits % 4 != 1;
}

/// RFC 4648 section 4, with padding.
inline std::string encode_base64(View bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out.push_back(k <= count ? detail::kBase64[group >> (18 - 6 * k) & 63] : '=');
  }
  return out;
}

/// Base64 of percent-encoded bytes.
inline std::string base64_of(View percent_encoded) {
  return encode_base64(percent_decode(percent_encoded));
}

}  // namespace v1
}  // namespace gatehouse
