#include "data_url.h"

#include <array>
#include <cstdint>

#include "ascii.h"

namespace gatehouse::plugins::chat {
namespace {

constexpr View kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto kForeign = [] {
  std::array<std::uint8_t, 256> foreign{};
  for (auto& f : foreign) f = 1;
  for (const char c : kAlphabet) foreign[static_cast<unsigned char>(c)] = 0;
  return foreign;
}();

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// A per cent sign that two hex digits do not follow stands for itself, as browsers have it.
std::string percent_decode(View text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
    out.push_back(low < 0 ? text[i] : static_cast<char>(high << 4 | low));
    if (low >= 0) i += 2;
  }
  return out;
}

}  // namespace

std::optional<DataUrl> parse_data_url(View url) {
  if (!same_letters(url.substr(0, 5), "data:")) return std::nullopt;
  const std::size_t comma = url.find(',');
  if (comma == View::npos) return std::nullopt;
  const View head = url.substr(5, comma - 5);
  const std::size_t last = head.rfind(';');
  const bool base64 = last != View::npos && same_letters(trim(head.substr(last + 1)), "base64");
  return DataUrl{trim(head.substr(0, head.find(';'))), base64, url.substr(comma + 1)};
}

bool is_base64(View text) {
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding)
    text.remove_suffix(1);
  std::uint8_t foreign = 0;
  for (const char c : text)
    foreign |= kForeign[static_cast<unsigned char>(
        c)];  // no exit inside: 20 MB are ordinary, faults are not
  return !text.empty() && foreign == 0 && text.size() % 4 != 1;
}

std::string base64_of(View percent_encoded) {
  const std::string bytes = percent_decode(percent_encoded);
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out.push_back(k <= count ? kAlphabet[group >> (18 - 6 * k) & 63] : '=');
  }
  return out;
}

}  // namespace gatehouse::plugins::chat
