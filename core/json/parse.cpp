// One pass over a text that the arena keeps: values become nodes at once, and strings are unescaped
// where they stand, so that nodes point into the text. Behind the text is a zero byte, which no
// rule of JSON accepts: it ends every loop, and no step has to look for the end.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "core/json/node.h"
#include "core/text/number.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

constexpr std::string_view kSyntax = "the syntax is wrong";
constexpr std::string_view kNumber = "a number is malformed";
constexpr std::string_view kEscape = "a string has a bad escape";

bool has_duplicate_keys(const gh_json* object) {
  constexpr std::uint32_t kFew = 16;  // comparing pairs of fewer is faster than sorting
  if (object->size <= kFew) {
    for (const gh_json* a = after(object, nullptr); a; a = after(object, a)) {
      for (const gh_json* b = after(object, a); b; b = after(object, b)) {
        if (a->key_view() == b->key_view()) return true;
      }
    }
    return false;
  }
  std::vector<std::string_view> keys;
  keys.reserve(object->size);
  for (const gh_json* child = after(object, nullptr); child; child = after(object, child))
    keys.push_back(child->key_view());
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

/// One bit, the same for equal keys: the names in most objects differ in it.
std::uint64_t mark_of(std::string_view key) {
  if (key.empty()) return 1;
  const auto ends = static_cast<unsigned char>(key.front()) * 7u + key.back();
  return std::uint64_t{1} << ((ends + key.size()) % 64);
}

std::string_view too_deep() {
  static const std::string text =
      "it is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels";
  return text;
}

bool is_high(unsigned unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low(unsigned unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

/// Writes the code point as UTF-8; returns the end.
char* put_utf8(char* to, unsigned point) {
  const auto put = [&to](unsigned byte) { *to++ = static_cast<char>(byte); };
  const auto put_rest = [&](unsigned shift) { put(0x80 | ((point >> shift) & 0x3f)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | (point >> 6));
    put_rest(0);
  } else if (point < 0x10000) {
    put(0xe0 | (point >> 12));
    put_rest(6);
    put_rest(0);
  } else {
    put(0xf0 | (point >> 18));
    put_rest(12);
    put_rest(6);
    put_rest(0);
  }
  return to;
}

/// Each function takes the place where it begins and returns the one behind what it has parsed, or
/// null: then error() says why. A place that stays in a register is most of the speed.
class Parser {
 public:
  Parser(JsonArena& arena, const std::string& text)
      : arena_(arena), end_(text.data() + text.size()) {}

  char* document(char* at, gh_json* root) {
    at = after_blanks(at);
    if (at == end_) return fail("it is empty");
    at = value(at, root, 0);
    if (!at) return nullptr;
    at = after_blanks(at);
    return at == end_ ? at : fail(kSyntax);
  }
  std::string_view error() const { return error_; }

 private:
  static char* after_blanks(char* at) {
    while (*at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    return at;
  }

  [[gnu::always_inline]] char* value(char* at, gh_json* node, std::size_t depth) {
    if (++values_ > kMaxJsonValues) return fail("it has more than a million values");
    switch (*at) {
      case '{': return object(at, node, depth + 1);
      case '[': return array(at, node, depth + 1);
      case '"': return string(at, node);
      case 't': return word(at, node, "true", GH_BOOL, 1);
      case 'f': return word(at, node, "false", GH_BOOL, 0);
      case 'n': return word(at, node, "null", GH_NULL, 0);
      default: return number(at, node);
    }
  }
  [[gnu::noinline]] char* object(char* at, gh_json* node, std::size_t depth) {
    if (depth > kMaxJsonDepth) return fail(too_deep());
    become(node, GH_OBJECT);
    at = after_blanks(at + 1);
    if (*at == '}') return at + 1;
    std::uint64_t marks = 0;  // of the keys so far
    bool is_unique = true;    // as far as the marks tell
    for (;; ++at) {
      at = after_blanks(at);
      if (*at != '"') return fail(kSyntax);
      std::string_view key;
      at = unquote(at, key);
      if (!at) return nullptr;
      const std::uint64_t mark = mark_of(key);
      is_unique = is_unique && (marks & mark) == 0;
      marks |= mark;
      gh_json* const child = append(node, arena_.make());
      child->key = key.data();
      child->key_size = static_cast<std::uint32_t>(key.size());
      at = after_blanks(at);
      if (*at != ':') return fail(kSyntax);
      at = value(after_blanks(at + 1), child, depth);
      if (!at) return nullptr;
      at = after_blanks(at);
      if (*at != ',') break;
    }
    if (*at != '}') return fail(kSyntax);
    if (!is_unique && has_duplicate_keys(node)) return fail("an object names a key twice");
    return at + 1;
  }
  [[gnu::noinline]] char* array(char* at, gh_json* node, std::size_t depth) {
    if (depth > kMaxJsonDepth) return fail(too_deep());
    become(node, GH_ARRAY);
    at = after_blanks(at + 1);
    if (*at == ']') return at + 1;
    for (;; ++at) {
      at = value(after_blanks(at), append(node, arena_.make()), depth);
      if (!at) return nullptr;
      at = after_blanks(at);
      if (*at != ',') break;
    }
    return *at == ']' ? at + 1 : fail(kSyntax);
  }
  char* string(char* at, gh_json* node) {
    std::string_view text;
    at = unquote(at, text);
    if (at) set_text(node, text);
    return at;
  }
  char* word(char* at, gh_json* node, std::string_view word, int type, int value) {
    const auto left = static_cast<std::size_t>(end_ - at);
    if (std::string_view(at, std::min(word.size(), left)) != word)
      return fail("a word other than true, false and null is not quoted");
    become(node, type);
    node->integer = value;
    return at + word.size();
  }

  /// RFC 8259 6.
  char* number(char* at, gh_json* node) {
    constexpr std::size_t kSurelyFits = 18;  // digits in 63 bits
    const char* const first = at;
    at += *at == '-';
    const char* const digits = at;
    std::uint64_t magnitude = 0;
    for (; is_digit(*at); ++at) magnitude = 10 * magnitude + static_cast<unsigned>(*at - '0');
    const auto count = static_cast<std::size_t>(at - digits);
    if (count == 0) return fail(at == first ? kSyntax : kNumber);
    if (*digits == '0' && count > 1) return fail(kNumber);
    const bool is_integer = *at != '.' && *at != 'e' && *at != 'E';
    if (is_integer && count <= kSurelyFits) {
      const auto value = static_cast<std::int64_t>(magnitude);
      set_integer(node, first == digits ? value : -value);
      return at;
    }
    if (!is_integer) at = after_fraction(at);
    if (!at) return fail(kNumber);
    set_long_number(node, {first, static_cast<std::size_t>(at - first)}, is_integer);
    return at;
  }
  static char* after_fraction(char* at) {
    if (*at == '.') at = after_digits(at + 1);
    if (!at || (*at != 'e' && *at != 'E')) return at;
    ++at;
    return after_digits(at + (*at == '+' || *at == '-'));
  }
  /// Null: there is none.
  static char* after_digits(char* at) {
    if (!is_digit(*at)) return nullptr;
    while (is_digit(*at)) ++at;
    return at;
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static void set_integer(gh_json* node, std::int64_t value) {
    node->type = GH_INT;
    node->integer = value;
  }
  static void set_long_number(gh_json* node, std::string_view number, bool is_integer) {
    const auto integer = is_integer ? parse_number<std::int64_t>(number) : std::nullopt;
    if (integer) return set_integer(node, *integer);
    // from_chars() has no value for numbers that are too large or too small; strtod() has.
    const auto real = parse_number<double>(number);
    const double value = real ? *real : std::strtod(std::string(number).c_str(), nullptr);
    if (std::isfinite(value)) set_real(node, value);
  }

  /// The string whose opening quote is at `at`.
  char* unquote(char* at, std::string_view& out) {
    char* const first = at + 1;
    at = after_plain(first);
    char* last = at;
    if (*at == '\\') at = unescape_rest(at, last);
    if (!at) return fail(kEscape);
    if (*at != '"') {
      return fail(at == end_ ? "a string is not closed"
                             : "a string has a control character that is not escaped");
    }
    out = {first, static_cast<std::size_t>(last - first)};
    return at + 1;
  }
  char* after_plain(char* at) const {
    while (static_cast<std::size_t>(end_ - at) >= detail::kBlock) {
      const std::size_t plain = detail::plain_length(detail::load(at));
      at += plain;
      if (plain < detail::kBlock) return at;
    }
    while (detail::is_plain(*at)) ++at;
    return at;
  }
  /// From the first escape to what ends the string; `to` becomes the end of the result. Apart from
  /// the strings that have no escape, which need no registers saved.
  [[gnu::noinline]] char* unescape_rest(char* at, char*& to) const {
    while (*at == '\\') {
      char* const from = unescape(at, to);
      if (!from) return nullptr;
      at = after_plain(from);
      std::memmove(to, from, static_cast<std::size_t>(at - from));
      to += at - from;
    }
    return at;
  }
  char* unescape(char* at, char*& to) const {
    char meant = at[1];
    switch (meant) {
      case '"':
      case '\\':
      case '/': break;
      case 'b': meant = '\b'; break;
      case 'f': meant = '\f'; break;
      case 'n': meant = '\n'; break;
      case 'r': meant = '\r'; break;
      case 't': meant = '\t'; break;
      case 'u': return unescape_unit(at, to);
      default: return nullptr;
    }
    *to++ = meant;
    return at + 2;
  }
  /// \uXXXX, or two of them that are a pair of surrogates. One without a partner (RFC 8259 8.2)
  /// becomes U+FFFD.
  char* unescape_unit(char* at, char*& to) const {
    const auto first = unit_at(at);
    if (!first) return nullptr;
    at += 6;
    const auto second = is_high(*first) ? unit_at(at) : std::nullopt;
    if (second && is_low(*second)) {
      to = put_utf8(to, 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00));
      return at + 6;
    }
    to = put_utf8(to, is_high(*first) || is_low(*first) ? 0xfffd : *first);
    return at;
  }
  /// The value of the escape \uXXXX at this place.
  std::optional<unsigned> unit_at(const char* at) const {
    if (end_ - at < 6 || at[0] != '\\' || at[1] != 'u') return std::nullopt;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(at + 2, at + 6, value, 16);
    if (error != std::errc() || end != at + 6) return std::nullopt;
    return value;
  }

  std::nullptr_t fail(std::string_view why) {
    error_ = why;
    return nullptr;
  }

  JsonArena& arena_;
  const char* const end_;
  std::size_t values_ = 0;
  std::string_view error_;
};

}  // namespace

gh_json* JsonArena::parse(std::string text, std::string_view& error) {
  std::string& kept = next_text();
  kept = std::move(text);
  return parse_kept(kept, error);
}

gh_json* JsonArena::parse_copy(std::string_view text, std::string_view& error) {
  return parse_kept(next_text().assign(text), error);
}

gh_json* JsonArena::parse_kept(std::string& text, std::string_view& error) {
  if (!is_utf8(text)) {
    error = "it is not UTF-8";
    return nullptr;
  }
  gh_json* const root = make();
  Parser parser(*this, text);
  const bool is_valid = parser.document(text.data(), root) != nullptr;
  error = parser.error();
  return is_valid ? root : nullptr;
}

}  // namespace gatehouse::core
