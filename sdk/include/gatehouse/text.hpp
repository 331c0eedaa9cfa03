/// Text: views across the interface, and what plugins do with text again and again.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "gatehouse/abi/text.h"

namespace gatehouse {
inline namespace v1 {

using View = std::string_view;

inline gh_str raw(View v) { return {v.data(), v.size()}; }
inline View view(gh_str s) { return s.p ? View(s.p, s.n) : View(); }

namespace detail {
/// The place of the first byte in memory that is not zero; there is one.
inline std::size_t first_byte(std::uint64_t bytes) {
  const bool is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  return static_cast<std::size_t>(is_little ? __builtin_ctzll(bytes) : __builtin_clzll(bytes)) / 8;
}

/// Whether the byte stands in a JSON string as it is.
inline bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

/// Bytes that are looked at in one step.
using Block [[gnu::vector_size(16)]] = unsigned char;
constexpr std::size_t kBlock = sizeof(Block);

inline Block load(const char* from) {
  Block block;
  std::memcpy(&block, from, kBlock);
  return block;
}
/// `size` bytes, which are fewer than a block has, and zeros behind them. Two words that overlap
/// cost less than a call with a variable size.
inline Block load(const char* from, std::size_t size) {
  char bytes[kBlock] = {};
  const auto put_ends = [&](auto word) {
    std::memcpy(&word, from, sizeof word);
    std::memcpy(bytes, &word, sizeof word);
    std::memcpy(&word, from + size - sizeof word, sizeof word);
    std::memcpy(bytes + size - sizeof word, &word, sizeof word);
  };
  if (size >= 8) {
    put_ends(std::uint64_t{});
  } else if (size >= 4) {
    put_ends(std::uint32_t{});
  } else if (size > 0) {
    bytes[0] = from[0];
    bytes[size / 2] = from[size / 2];
    bytes[size - 1] = from[size - 1];
  }
  return load(bytes);
}
inline void store(char* to, Block block) { std::memcpy(to, &block, kBlock); }

/// How many bytes at the front of the block stand in a JSON string as they are.
inline std::size_t plain_length(Block block) {
  const auto found = (block < 0x20) | (block == '"') | (block == '\\');
#ifdef __SSE2__
  using Mask [[gnu::vector_size(16)]] = char;
  const int bits = __builtin_ia32_pmovmskb128(reinterpret_cast<Mask>(found));
  return bits == 0 ? kBlock : static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(bits)));
#else
  std::uint64_t halves[2];
  std::memcpy(halves, &found, sizeof halves);
  if (halves[0] != 0) return first_byte(halves[0]);
  return sizeof halves[0] + (halves[1] != 0 ? first_byte(halves[1]) : sizeof halves[1]);
#endif
}

/// Writes the byte as an escape of JSON; returns the end.
inline char* escape(char* to, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  *to++ = '\\';
  switch (c) {
    case '"':
    case '\\': *to++ = c; return to;
    case '\n': *to++ = 'n'; return to;
    case '\r': *to++ = 'r'; return to;
    case '\t': *to++ = 't'; return to;
    default: break;
  }
  std::memcpy(to, "u00", 3);
  to[3] = kHex[static_cast<unsigned char>(c) >> 4];
  to[4] = kHex[c & 15];
  return to + 5;
}

/// What one quote_step() writes at most.
constexpr std::size_t kQuoteStep = kBlock + 6;

/// Writes what begins at `at`, which is not `end`, as it stands in a JSON string; moves `at` behind
/// it. Returns the end of what is written.
inline char* quote_step(char* to, const char*& at, const char* end) {
  const auto left = static_cast<std::size_t>(end - at);
  const Block block = left >= kBlock ? load(at) : load(at, left);
  store(to, block);
  const std::size_t plain = plain_length(block);  // a zero behind the text ends it
  to += plain;
  at += plain;
  return plain < kBlock && at != end ? escape(to, *at++) : to;
}
}  // namespace detail

/// Appends `text` as a JSON string, quotes included.
inline void quote(std::string& out, View text) {
  constexpr std::size_t kRoom = 512;
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.size() < detail::kBlock) {  // such as most names
    const detail::Block block = detail::load(at, text.size());
    if (detail::plain_length(block) == text.size()) {  // a zero behind them ends the plain ones
      char quoted[detail::kBlock + 2];
      quoted[0] = '"';
      detail::store(quoted + 1, block);
      quoted[text.size() + 1] = '"';
      out.append(quoted, text.size() + 2);
      return;
    }
  }
  out.push_back('"');
  // Written in place, since appending to a string costs more than a few bytes do.
  for (std::size_t size = out.size(); at != end;) {
    out.resize(size + std::min(kRoom, static_cast<std::size_t>(end - at) + detail::kQuoteStep));
    char* to = out.data() + size;
    const char* const full = out.data() + out.size() - detail::kQuoteStep;
    while (at != end && to <= full) to = detail::quote_step(to, at, end);
    size = static_cast<std::size_t>(to - out.data());
    out.resize(size);
  }
  out.push_back('"');
}

inline char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
/// ASCII letters only.
inline std::string lower(View text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}
inline bool equals_ignoring_case(View a, View b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}
/// Without spaces, tabs and line ends at both ends.
inline View trim(View text) {
  constexpr View kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == View::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}
/// The longest beginning of at most `most` bytes that does not end inside a UTF-8 character.
inline View cut_utf8(View text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}

/// A duration as the configuration writes it: "250ms", "10s", "5m" or "1h", at most 366 days.
inline std::optional<std::chrono::milliseconds> parse_duration(View text) {
  using std::chrono::milliseconds;
  constexpr std::int64_t kLongestMs = 366LL * 24 * 3'600'000;
  std::int64_t number = 0;
  std::size_t digits = 0;
  while (digits < text.size() && digits < 12 && text[digits] >= '0' && text[digits] <= '9')
    number = number * 10 + (text[digits++] - '0');
  const View unit = text.substr(digits);
  std::int64_t unit_ms = 0;
  if (unit == "ms") unit_ms = 1;
  if (unit == "s") unit_ms = 1000;
  if (unit == "m") unit_ms = 60'000;
  if (unit == "h") unit_ms = 3'600'000;
  if (digits == 0 || unit_ms == 0 || number > kLongestMs / unit_ms) return std::nullopt;
  return milliseconds(number * unit_ms);
}

/// A size as the configuration writes it: "512B", "64KiB", "8MiB" or "1GiB".
inline std::optional<std::size_t> parse_size(View text) {
  std::size_t number = 0;
  std::size_t digits = 0;
  while (digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9')
    number = number * 10 + static_cast<std::size_t>(text[digits++] - '0');
  const View unit = text.substr(digits);
  if (digits == 0) return std::nullopt;
  if (unit == "B") return number;
  if (unit == "KiB") return number << 10;
  if (unit == "MiB") return number << 20;
  if (unit == "GiB") return number << 30;
  return std::nullopt;
}

/// When something expires, in seconds since 1970: at "2027-01-31T12:00:00Z", or when the day
/// "2027-01-31" ends, in UTC.
inline std::optional<std::chrono::seconds> parse_expiry(View text) {
  constexpr View kShape = "0000-00-00T00:00:00Z";
  constexpr std::size_t kDaySize = 10;
  if (text.size() != kDaySize && text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == '0' ? !is_digit : text[i] != kShape[i]) return std::nullopt;
  }
  const bool is_day = text.size() == kDaySize;
  const auto number = [text](std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) value = 10 * value + (c - '0');
    return value;
  };
  std::tm parts{};
  parts.tm_year = number(0, 4) - 1900;
  parts.tm_mon = number(5, 2) - 1;
  parts.tm_mday = number(8, 2);
  if (!is_day) {
    parts.tm_hour = number(11, 2);
    parts.tm_min = number(14, 2);
    parts.tm_sec = number(17, 2);
  }
  const std::tm written = parts;
  const std::chrono::seconds time(::timegm(&parts));  // turns 2027-02-30 into 2027-03-02
  const bool is_date = parts.tm_mon == written.tm_mon && parts.tm_mday == written.tm_mday &&
                       parts.tm_hour == written.tm_hour && parts.tm_min == written.tm_min &&
                       parts.tm_sec == written.tm_sec;
  if (!is_date) return std::nullopt;
  return is_day ? time + std::chrono::hours(24) : time;
}

using Digest = std::array<std::uint8_t, 32>;

/// In lower-case hexadecimal digits.
inline std::string hex(const Digest& digest) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : digest) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

/// Takes the same time wherever the texts differ. Their length is not a secret.
inline bool equal_in_constant_time(View a, View b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return *const_cast<volatile unsigned char*>(&difference) == 0;
}

}  // namespace v1
}  // namespace gatehouse
