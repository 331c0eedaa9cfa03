#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/json/node.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

/// Text on its way to `append`, in pieces of some size: a call for each would cost more than what
/// most of them take.
class Writer {
 public:
  Writer(void* to, void (*append)(void*, gh_str)) : to_(to), append_(append) {}
  Writer(const Writer&) = delete;

  void put(char c) {
    make_room(1);
    *end_++ = c;
  }
  void put(std::string_view text) {
    if (text.size() > sizeof buffer_) {
      flush();
      return append_(to_, raw(text));
    }
    make_room(text.size());
    std::memcpy(end_, text.data(), text.size());
    end_ += text.size();
  }
  void put_quoted(std::string_view text) {
    make_room(1 + detail::kQuoteStep + 1);
    *end_++ = '"';
    const char* at = text.data();
    for (const char* const end = at + text.size(); at != end;) {
      end_ = detail::quote_step(end_, at, end);
      make_room(detail::kQuoteStep + 1);
    }
    *end_++ = '"';
  }
  /// By `write(first, last)`, which returns the end as std::to_chars() does.
  void put_number(auto write) {
    constexpr std::size_t kLongest = 32;
    make_room(kLongest);
    end_ = write(end_, end_ + kLongest).ptr;
  }
  void flush() {
    append_(to_, {buffer_, static_cast<std::size_t>(end_ - buffer_)});
    end_ = buffer_;
  }

 private:
  void make_room(std::size_t size) {
    if (static_cast<std::size_t>(buffer_ + sizeof buffer_ - end_) < size) flush();
  }

  void* const to_;
  void (*const append_)(void*, gh_str);
  char buffer_[1024];  // of most notes and events; on the stack of a request
  char* end_ = buffer_;
};

/// Most numbers that plugins write, such as milliseconds and dollars, have few decimals. Those that
/// have at most `kDecimals`, and 15 digits in all, are their own shortest text.
bool dump_decimal(double value, Writer& out) {
  constexpr double kScale = 1e6, kMost = 1e15;
  constexpr int kDecimals = 6;
  const bool is_whole = value < kMost && value == std::floor(value);
  const double scaled = is_whole ? value : value * kScale;
  if (!(scaled >= 1 && scaled < kMost)) return false;
  auto digits = static_cast<std::int64_t>(scaled + 0.5);
  int decimals = is_whole ? 0 : kDecimals;
  if (!is_whole && static_cast<double>(digits) / kScale != value) return false;
  for (; decimals > 0 && digits % 10 == 0; --decimals) digits /= 10;
  char text[24];
  char* const end = std::end(text);
  char* at = end;
  for (int i = 0; digits > 0 || i <= decimals; ++i, digits /= 10) {
    if (i == decimals && i > 0) *--at = '.';
    *--at = static_cast<char>('0' + digits % 10);
  }
  out.put({at, static_cast<std::size_t>(end - at)});
  return true;
}

/// The shortest text that reads back as the same number. In digits where JSON.stringify() writes
/// digits, but not from 2^63 to 2^64, where many readers would take them for another integer.
void dump_real(double value, Writer& out) {
  if (dump_decimal(value, out)) return;
  const double size = std::abs(value);
  if (size < 0x1p63) {
    return out.put_number([&](char* to, char* end) { return std::to_chars(to, end, value); });
  }
  char text[32];
  const std::string_view scientific(
      text, std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr);
  if (size < 0x1p64 || size >= 1e21) return out.put(scientific);
  const std::size_t digits = size < 1e20 ? 20 : 21;
  std::string whole;
  for (const char c : scientific.substr(0, scientific.find('e'))) {
    if (c != '.') whole += c;
  }
  whole.resize(digits + (value < 0 ? 1 : 0), '0');
  out.put(whole);
}

void dump(const gh_json* node, Writer& out);

void dump_children(const gh_json* node, Writer& out) {
  const bool is_object = node->type == GH_OBJECT;
  out.put(is_object ? '{' : '[');
  for (const gh_json* child = after(node, nullptr); child; child = after(node, child)) {
    if (is_object) {
      out.put_quoted(child->key_view());
      out.put(':');
    }
    dump(child, out);
    if (child != node->last) out.put(',');
  }
  out.put(is_object ? '}' : ']');
}

void dump(const gh_json* node, Writer& out) {
  const int type = node ? static_cast<int>(node->type) : int{GH_NULL};
  switch (type) {
    case GH_BOOL: return out.put(node->integer ? "true" : "false");
    case GH_INT:
      return out.put_number(
          [&](char* to, char* end) { return std::to_chars(to, end, node->integer); });
    case GH_REAL:
      if (std::isfinite(node->real)) return dump_real(node->real, out);
      break;
    case GH_STRING: return out.put_quoted({node->text, node->size});
    case GH_ARRAY:
    case GH_OBJECT: return dump_children(node, out);
    default: break;
  }
  out.put("null");
}

/// The length of the UTF-8 sequence that begins with `first`, if it is valid.
std::size_t sequence_length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}

bool is_ascii(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::uint64_t all = 0;
  const auto add = [&all](auto word, const char* from) {
    std::memcpy(&word, from, sizeof word);
    all |= word;
  };
  if (text.size() >= 8) {
    for (; end - at > 8; at += 8) add(std::uint64_t{}, at);
    add(std::uint64_t{}, end - 8);
  } else if (text.size() >= 4) {
    add(std::uint32_t{}, at);
    add(std::uint32_t{}, end - 4);
  } else {
    for (; at != end; ++at) all |= static_cast<unsigned char>(*at);
  }
  return (all & 0x8080808080808080u) == 0;
}

}  // namespace

void dump_to(const gh_json* node, void* to, void (*append)(void*, gh_str)) {
  Writer out(to, append);
  dump(node, out);
  out.flush();
}

void dump(const gh_json* node, std::string& out) {
  dump_to(node, &out,
          [](void* to, gh_str piece) { static_cast<std::string*>(to)->append(view(piece)); });
}

bool is_utf8(std::string_view text) {
  constexpr std::size_t kShort = 64;  // not worth a call of the library, if it is ASCII
  if (text.size() <= kShort && is_ascii(text)) return true;
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string replace_invalid(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = sequence_length(text[0]);
    if (length <= text.size() && is_utf8(text.substr(0, length))) {
      out.append(text, 0, length);
      text.remove_prefix(length);
    } else {
      out.append("\xef\xbf\xbd");
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace gatehouse::core
