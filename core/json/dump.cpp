#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/json/node.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

void dump_integer(std::int64_t value, std::string& out) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

/// The shortest text that reads back as the same number. In digits where JSON.stringify() writes
/// digits, but not from 2^63 to 2^64, where many readers would take them for another integer.
void dump_real(double value, std::string& out) {
  char text[32];
  const double size = std::abs(value);
  if (size < 0x1p63) {
    out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
    return;
  }
  const std::string_view scientific(
      text, std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr);
  if (size < 0x1p64 || size >= 1e21) {
    out += scientific;
    return;
  }
  const std::size_t digits = size < 1e20 ? 20 : 21;
  const std::size_t end = out.size() + digits + (value < 0 ? 1 : 0);
  for (const char c : scientific.substr(0, scientific.find('e'))) {
    if (c != '.') out += c;
  }
  out.resize(end, '0');
}

void dump_children(const gh_json* node, std::string& out) {
  const bool is_object = node->type == GH_OBJECT;
  out += is_object ? '{' : '[';
  for (const gh_json* child = after(node, nullptr); child; child = after(node, child)) {
    if (is_object) {
      quote(out, child->key_view());
      out += ':';
    }
    dump(child, out);
    if (child != node->last) out += ',';
  }
  out += is_object ? '}' : ']';
}

/// The length of the UTF-8 sequence that begins with `first`, if it is valid.
std::size_t sequence_length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}

bool is_ascii(std::string_view text) {
  std::uint64_t all = 0, word;
  if (text.size() < sizeof word) {
    for (const char c : text) all |= static_cast<unsigned char>(c);
  } else {
    const std::size_t last = text.size() - sizeof word;
    for (std::size_t at = 0;; at = std::min(at + sizeof word, last)) {
      std::memcpy(&word, text.data() + at, sizeof word);
      all |= word;
      if (at == last) break;
    }
  }
  return (all & 0x8080808080808080u) == 0;
}

}  // namespace

void dump(const gh_json* node, std::string& out) {
  const int type = node ? static_cast<int>(node->type) : int{GH_NULL};
  switch (type) {
    case GH_BOOL: out += node->integer ? "true" : "false"; return;
    case GH_INT: dump_integer(node->integer, out); return;
    case GH_REAL:
      if (!std::isfinite(node->real)) break;
      dump_real(node->real, out);
      return;
    case GH_STRING: quote(out, {node->text, node->size}); return;
    case GH_ARRAY:
    case GH_OBJECT: dump_children(node, out); return;
    default: break;
  }
  out += "null";
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
