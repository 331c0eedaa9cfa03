#include "canonical_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace gatehouse::plugins::mcp {
namespace {

/// RFC 8785 3.2.3: members are ordered by the UTF-16 code units of their names. That is the order
/// of the bytes of UTF-8, except that surrogates, which begin with 0xF0 or more in UTF-8, come
/// before U+E000 to U+FFFF, which begin with 0xEE or 0xEF.
struct Utf16Order {
  bool operator()(View a, View b) const {
    const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (at_a == a.end() || at_b == b.end()) return at_b != b.end();
    const auto byte_a = static_cast<unsigned char>(*at_a);
    const auto byte_b = static_cast<unsigned char>(*at_b);
    const bool surrogate_a = byte_a >= 0xF0, surrogate_b = byte_b >= 0xF0;
    if (surrogate_a != surrogate_b && std::min(byte_a, byte_b) >= 0xEE) return surrogate_a;
    return byte_a < byte_b;
  }
};

/// As quote(), with the two short escapes that it does not use.
void append_string(std::string& out, View text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '\b') {
      out.append("\\b");
    } else if (c == '\f') {
      out.append("\\f");
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') {
      out.push_back(c);
    } else {
      std::string quoted;
      quote(quoted, View(&c, 1));
      out.append(quoted, 1, quoted.size() - 2);
    }
  }
  out.push_back('"');
}

/// The fewest digits that read back as the same number, and the place of the decimal point in them.
struct Decimal {
  std::string digits;
  int point;
};

Decimal shortest(double value) {
  char text[32];  // d.ddde±xx
  const auto [text_end, error] =
      std::to_chars(text, std::end(text), value, std::chars_format::scientific);
  const char* const mark = std::find(text, text_end, 'e');
  std::string digits(static_cast<const char*>(text), mark);
  if (digits.size() > 1) digits.erase(1, 1);
  int exponent = 0;
  std::from_chars(mark + (mark[1] == '+' ? 2 : 1), text_end, exponent);
  return {std::move(digits), exponent + 1};
}

/// As Number.prototype.toString of ECMAScript (ECMA-262, 6.1.6.1.20). What was too large for a
/// double becomes null, as JSON.stringify writes it, and -0 becomes 0.
void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  if (value == 0) return out.push_back('0');
  if (value < 0) out.push_back('-');
  auto [digits, point] = shortest(std::abs(value));
  const int count = static_cast<int>(digits.size());
  if (point > 0 && point <= 21) {
    if (point < count) digits.insert(static_cast<std::size_t>(point), 1, '.');
    out.append(digits).append(static_cast<std::size_t>(std::max(0, point - count)), '0');
  } else if (point > -6 && point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    if (count > 1) digits.insert(1, 1, '.');
    out.append(digits).append(point > 0 ? "e+" : "e-").append(std::to_string(std::abs(point - 1)));
  }
}

void append(std::string& out, Json value);

void append_object(std::string& out, Json value) {
  std::map<View, Json, Utf16Order> members;  // of several with one name the last, as JSON.parse
  for (const auto [name, member] : value.members()) members.insert_or_assign(name, member);
  out.push_back('{');
  for (const auto& [name, member] : members) {
    if (out.back() != '{') out.push_back(',');
    append_string(out, name);
    out.push_back(':');
    append(out, member);
  }
  out.push_back('}');
}

void append_array(std::string& out, Json value) {
  out.push_back('[');
  bool first = true;
  for (const Json element : value) {
    if (!first) out.push_back(',');
    first = false;
    append(out, element);
  }
  out.push_back(']');
}

void append(std::string& out, Json value) {
  switch (value.type()) {
    case GH_BOOL: out.append(value.boolean() ? "true" : "false"); break;
    case GH_INT:
    case GH_REAL: append_number(out, value.real()); break;
    case GH_STRING: append_string(out, value.str()); break;
    case GH_ARRAY: append_array(out, value); break;
    case GH_OBJECT: append_object(out, value); break;
    default: out.append("null");
  }
}

}  // namespace

std::string canonical_json(Json value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace gatehouse::plugins::mcp
