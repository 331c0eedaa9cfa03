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

class Parser {
 public:
  Parser(JsonArena& arena, std::string& text)
      : arena_(arena), at_(text.data()), end_(text.data() + text.size()) {}

  /// False: error() says why.
  bool document(gh_json* root) {
    skip_blanks();
    if (at_ == end_) return fail("it is empty");
    if (!value(root, 0)) return false;
    skip_blanks();
    return at_ == end_ || fail(kSyntax);
  }
  std::string_view error() const { return error_; }

 private:
  void skip_blanks() {
    while (*at_ <= ' ' && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  /// Passes `c`, if it comes next.
  bool pass(char c) {
    skip_blanks();
    if (*at_ != c) return false;
    ++at_;
    return true;
  }

  bool value(gh_json* node, std::size_t depth) {
    if (++values_ > kMaxJsonValues) return fail("it has more than a million values");
    skip_blanks();
    switch (*at_) {
      case '{': return object(node, depth + 1);
      case '[': return array(node, depth + 1);
      case '"': return string(node);
      case 't': return word(node, "true", GH_BOOL, 1);
      case 'f': return word(node, "false", GH_BOOL, 0);
      case 'n': return word(node, "null", GH_NULL, 0);
      default: return number(node);
    }
  }
  bool object(gh_json* node, std::size_t depth) {
    if (!begin(node, GH_OBJECT, depth)) return false;
    if (pass('}')) return true;
    std::uint64_t marks = 0;  // of the keys so far
    bool is_unique = true;    // as far as the marks tell
    do {
      std::string_view key;
      if (!pass('"')) return fail(kSyntax);
      if (!unquote(key)) return false;
      if (!pass(':')) return fail(kSyntax);
      const std::uint64_t mark = mark_of(key);
      is_unique = is_unique && (marks & mark) == 0;
      marks |= mark;
      gh_json* const child = append(node, arena_.make());
      child->key = key.data();
      child->key_size = static_cast<std::uint32_t>(key.size());
      if (!value(child, depth)) return false;
    } while (pass(','));
    if (!pass('}')) return fail(kSyntax);
    return is_unique || !has_duplicate_keys(node) || fail("an object names a key twice");
  }
  bool array(gh_json* node, std::size_t depth) {
    if (!begin(node, GH_ARRAY, depth)) return false;
    if (pass(']')) return true;
    do {
      if (!value(append(node, arena_.make()), depth)) return false;
    } while (pass(','));
    return pass(']') || fail(kSyntax);
  }
  bool begin(gh_json* node, int type, std::size_t depth) {
    if (depth > kMaxJsonDepth) return fail(too_deep());
    become(node, type);
    ++at_;
    return true;
  }
  bool string(gh_json* node) {
    ++at_;
    std::string_view text;
    if (!unquote(text)) return false;
    set_text(node, text);
    return true;
  }
  bool word(gh_json* node, std::string_view word, int type, int value) {
    const auto left = static_cast<std::size_t>(end_ - at_);
    if (std::string_view(at_, std::min(word.size(), left)) != word)
      return fail("a word other than true, false and null is not quoted");
    at_ += word.size();
    become(node, type);
    node->integer = value;
    return true;
  }

  /// RFC 8259 6.
  bool number(gh_json* node) {
    constexpr std::size_t kSurelyFits = 18;  // digits in 63 bits
    const char* const first = at_;
    at_ += *at_ == '-';
    const char* const digits = at_;
    std::uint64_t magnitude = 0;
    for (; is_digit(*at_); ++at_) magnitude = 10 * magnitude + static_cast<unsigned>(*at_ - '0');
    const auto count = static_cast<std::size_t>(at_ - digits);
    if (count == 0) return fail(at_ == first ? kSyntax : kNumber);
    if (*digits == '0' && count > 1) return fail(kNumber);
    const bool is_integer = *at_ != '.' && *at_ != 'e' && *at_ != 'E';
    if (is_integer && count <= kSurelyFits) {
      const auto value = static_cast<std::int64_t>(magnitude);
      set_integer(node, first == digits ? value : -value);
      return true;
    }
    if (!is_integer && !skip_fraction()) return fail(kNumber);
    set_long_number(node, {first, static_cast<std::size_t>(at_ - first)}, is_integer);
    return true;
  }
  bool skip_fraction() {
    if (*at_ == '.') {
      ++at_;
      if (!skip_digits()) return false;
    }
    if (*at_ != 'e' && *at_ != 'E') return true;
    ++at_;
    at_ += *at_ == '+' || *at_ == '-';
    return skip_digits();
  }
  bool skip_digits() {
    const char* const first = at_;
    while (is_digit(*at_)) ++at_;
    return at_ != first;
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

  /// The string whose opening quote has been passed.
  bool unquote(std::string_view& out) {
    char* const first = at_;
    skip_plain();
    char* last = at_;
    if (*at_ == '\\' && !unescape_rest(last)) return fail(kEscape);
    if (*at_ != '"') {
      return fail(at_ == end_ ? "a string is not closed"
                              : "a string has a control character that is not escaped");
    }
    ++at_;
    out = {first, static_cast<std::size_t>(last - first)};
    return true;
  }
  void skip_plain() {
    char* at = at_;
    while (static_cast<std::size_t>(end_ - at) >= detail::kBlock) {
      const std::size_t plain = detail::plain_length(detail::load(at));
      at += plain;
      if (plain == detail::kBlock) continue;
      at_ = at;
      return;
    }
    while (detail::is_plain(*at)) ++at;
    at_ = at;
  }
  /// From the first escape to what ends the string; `to` becomes the end of the result. Apart from
  /// the strings that have no escape, which need no registers saved.
  [[gnu::noinline]] bool unescape_rest(char*& to) {
    while (*at_ == '\\') {
      if (!unescape(to)) return false;
      char* const from = at_;
      skip_plain();
      std::memmove(to, from, static_cast<std::size_t>(at_ - from));
      to += at_ - from;
    }
    return true;
  }
  bool unescape(char*& to) {
    char meant = at_[1];
    switch (meant) {
      case '"':
      case '\\':
      case '/': break;
      case 'b': meant = '\b'; break;
      case 'f': meant = '\f'; break;
      case 'n': meant = '\n'; break;
      case 'r': meant = '\r'; break;
      case 't': meant = '\t'; break;
      case 'u': return unescape_unit(to);
      default: return false;
    }
    *to++ = meant;
    at_ += 2;
    return true;
  }
  /// \uXXXX, or two of them that are a pair of surrogates. One without a partner (RFC 8259 8.2)
  /// becomes U+FFFD.
  bool unescape_unit(char*& to) {
    const auto first = unit_at(at_);
    if (!first) return false;
    at_ += 6;
    const auto second = is_high(*first) ? unit_at(at_) : std::nullopt;
    if (second && is_low(*second)) {
      at_ += 6;
      to = put_utf8(to, 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00));
    } else {
      to = put_utf8(to, is_high(*first) || is_low(*first) ? 0xfffd : *first);
    }
    return true;
  }
  /// The value of the escape \uXXXX at this place.
  std::optional<unsigned> unit_at(const char* at) const {
    if (end_ - at < 6 || at[0] != '\\' || at[1] != 'u') return std::nullopt;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(at + 2, at + 6, value, 16);
    if (error != std::errc() || end != at + 6) return std::nullopt;
    return value;
  }

  bool fail(std::string_view why) {
    error_ = why;
    return false;
  }

  JsonArena& arena_;
  char* at_;
  const char* const end_;
  std::size_t values_ = 0;
  std::string_view error_;
};

}  // namespace

gh_json* JsonArena::parse(std::string text, std::string_view& error) {
  if (!is_utf8(text)) {
    error = "it is not UTF-8";
    return nullptr;
  }
  gh_json* const root = make();
  Parser parser(*this, texts_.emplace_front(std::move(text)));
  const bool is_valid = parser.document(root);
  error = parser.error();
  return is_valid ? root : nullptr;
}

}  // namespace gatehouse::core
