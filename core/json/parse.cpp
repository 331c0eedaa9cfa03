// simdjson parses a padded copy of the text; Builder turns its tape into nodes of the arena. The
// strings are not copied again: simdjson unescapes them into one buffer, which becomes a block of
// the arena and which the nodes point into.
//
// Two things that JSON.parse() accepts are errors to simdjson, so they are mended in the copy:
//   - escaped lone surrogates become U+FFFD, before parsing,
//   - numbers that fit no 64-bit integer and no double become 0, only after simdjson has rejected a
//     number; Builder puts the values back, in the order in which numbers occur in the text.
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/json/node.h"
#include "core/text/number.h"

namespace gatehouse::core {
namespace {

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

/// The value of the escape \uXXXX at the front of `text`, or 0.
unsigned escaped_unit(std::string_view text) {
  unsigned value = 0;
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + 6, value, 16);
  return error == std::errc() && end == text.data() + 6 ? value : 0;
}

bool is_high(unsigned unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low(unsigned unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

/// Overwrites escaped surrogates without a partner (RFC 8259 8.2) with the escape of U+FFFD, which
/// has the same length.
void mend_surrogates(char* text, std::size_t size) {
  const std::string_view all(text, size);
  for (std::size_t at = all.find('\\'); at < size; at = all.find('\\', at)) {
    const unsigned first = escaped_unit(all.substr(at));
    const bool is_pair = is_high(first) && is_low(escaped_unit(all.substr(at + 6)));
    const bool is_lone = !is_pair && (is_high(first) || is_low(first));
    if (is_lone) std::memcpy(text + at, "\\ufffd", 6);
    // Past both units, or past the backslash and the character it escapes.
    at += is_pair ? 12 : 2;
  }
}

/// RFC 8259 6.
bool is_number(std::string_view text) {
  const auto eat = [&](std::string_view any) {
    const bool found = !text.empty() && any.find(text[0]) != any.npos;
    if (found) text.remove_prefix(1);
    return found;
  };
  const auto digits = [&] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count > 0;
  };
  eat("-");
  if (!eat("0") && !digits()) return false;
  if (eat(".") && !digits()) return false;
  if (eat("eE")) {
    eat("+-");
    if (!digits()) return false;
  }
  return text.empty();
}

/// A number that simdjson rejects.
struct LargeNumber {
  std::size_t index;  // among all numbers of the text
  double value;       // infinite: no double can hold it
};

bool fits(std::string_view number, double value) {
  if (number.find_first_of(".eE") != number.npos) return std::isfinite(value);
  return parse_number<std::int64_t>(number) || parse_number<std::uint64_t>(number);
}

/// The end of the string that begins at `at`, behind its closing quote.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
  return at + 1;
}

/// All large numbers of `original`. In `text`, a copy of it, a 0 takes their place.
std::vector<LargeNumber> take_large_numbers(std::string_view original, char* text) {
  std::vector<LargeNumber> large;
  std::size_t index = 0;
  for (std::size_t at = 0; (at = original.find_first_of("\"-0123456789", at)) < original.size();) {
    if (original[at] == '"') {
      at = end_of_string(original, at);
      continue;
    }
    const std::string_view number =
        original.substr(at, original.find_first_not_of("+-.0123456789eE", at) - at);
    const double value = std::strtod(std::string(number).c_str(), nullptr);
    if (!fits(number, value) && is_number(number)) {
      large.push_back({index, value});
      std::memset(text + at, ' ', number.size());
      text[at] = '0';
    }
    ++index;
    at += number.size();
  }
  return large;
}

std::string_view explain(simdjson::error_code error) {
  static const std::string too_deep =
      "it is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels";
  switch (error) {
    case simdjson::DEPTH_ERROR: return too_deep;
    case simdjson::CAPACITY: return "it is too large";
    case simdjson::STRING_ERROR: return "a string has a bad escape";
    case simdjson::UNESCAPED_CHARS: return "a string has a control character that is not escaped";
    case simdjson::UNCLOSED_STRING: return "a string is not closed";
    case simdjson::UTF8_ERROR: return "it is not UTF-8";
    case simdjson::NUMBER_ERROR: return "a number is malformed";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR: return "a word other than true, false and null is not quoted";
    case simdjson::EMPTY: return "it is empty";
    default: return "the syntax is wrong";
  }
}

/// The closing quote of the string that begins at `at`, or npos. Searches for quotes only, since
/// long strings are common.
std::size_t closing_quote(std::string_view text, std::size_t at) {
  const auto is_escaped = [text](std::size_t quote) {
    return (quote - 1 - text.find_last_not_of('\\', quote - 1)) % 2 == 1;
  };
  do {
    at = text.find('"', at + 1);
  } while (at != text.npos && is_escaped(at));
  return at;
}

/// The number of values in a text if it is valid: one, one more for each comma, and one for the
/// first value of each array and object. Stops beyond `most`.
std::size_t count_values(std::string_view text, std::size_t most) {
  std::size_t count = 1;
  for (std::size_t at = 0; at < text.size() && count <= most; ++at) {
    if (text[at] == ',') {
      ++count;
    } else if (text[at] == '[' || text[at] == '{') {
      const std::size_t first = text.find_first_not_of(" \t\r\n", at + 1);
      if (first != text.npos && text[first] != ']' && text[first] != '}') ++count;
    } else if (text[at] == '"') {
      at = closing_quote(text, at);
      if (at == text.npos) return count;
    }
  }
  return count;
}

/// Builds the nodes of a parsed text; their strings are views into the parser's buffer.
class Builder {
 public:
  Builder(JsonArena& arena, const std::vector<LargeNumber>& large) : arena_(arena), large_(large) {}

  /// False: error() says why.
  bool fill(gh_json* node, simdjson::dom::element element, std::size_t depth = 0) {
    using simdjson::dom::element_type;
    switch (element.type()) {
      case element_type::NULL_VALUE: return true;
      case element_type::BOOL: set_integer(node, GH_BOOL, bool(element)); return true;
      case element_type::INT64:
      case element_type::UINT64:
      case element_type::DOUBLE: set_number(node, element); return true;
      case element_type::STRING: set_text(node, std::string_view(element)); return true;
      case element_type::ARRAY: return fill_array(node, element, depth + 1);
      case element_type::OBJECT: return fill_object(node, element, depth + 1);
    }
    return true;
  }
  std::string_view error() const { return error_; }

 private:
  static void set_integer(gh_json* node, std::uint32_t type, std::int64_t value) {
    node->type = type & 7u;
    node->integer = value;
  }
  void set_number(gh_json* node, simdjson::dom::element element) {
    const bool is_large = next_ < large_.size() && large_[next_].index == numbers_;
    ++numbers_;
    if (is_large) {
      const double value = large_[next_++].value;
      if (std::isfinite(value)) set_real(node, value);
    } else if (element.is_int64()) {
      set_integer(node, GH_INT, std::int64_t(element));
    } else {
      set_real(node, double(element));
    }
  }
  bool fill_array(gh_json* node, simdjson::dom::array children, std::size_t depth) {
    if (depth > kMaxJsonDepth) return fail(explain(simdjson::DEPTH_ERROR));
    become(node, GH_ARRAY);
    for (const auto child : children) {
      if (!fill(append(node, arena_.make()), child, depth)) return false;
    }
    return true;
  }
  bool fill_object(gh_json* node, simdjson::dom::object members, std::size_t depth) {
    if (depth > kMaxJsonDepth) return fail(explain(simdjson::DEPTH_ERROR));
    become(node, GH_OBJECT);
    for (const auto field : members) {
      gh_json* const child = append(node, arena_.make());
      child->key = field.key.data();
      child->key_size = static_cast<std::uint32_t>(field.key.size());
      if (!fill(child, field.value, depth)) return false;
    }
    return !has_duplicate_keys(node) || fail("an object names a key twice");
  }
  bool fail(std::string_view why) {
    error_ = why;
    return false;
  }

  JsonArena& arena_;
  const std::vector<LargeNumber>& large_;
  std::size_t numbers_ = 0, next_ = 0;  // numbers so far; the next of large_
  std::string_view error_;
};

/// Parses a padded text, in which it mends what simdjson rejects but JSON.parse() accepts.
simdjson::error_code parse_mended(std::string_view text, char* padded,
                                  simdjson::dom::document& document, simdjson::dom::element& root,
                                  std::vector<LargeNumber>& large) {
  if (text.find("\\ud") != text.npos || text.find("\\uD") != text.npos)
    mend_surrogates(padded, text.size());
  simdjson::dom::parser parser;
  // simdjson does not count empty arrays and objects as a level, so Builder checks the depth again.
  auto code = parser.allocate(std::max<std::size_t>(text.size(), 64), kMaxJsonDepth + 1);
  if (!code) code = parser.parse_into_document(document, padded, text.size(), false).get(root);
  if (code != simdjson::NUMBER_ERROR) return code;
  large = take_large_numbers(text, padded);
  return parser.parse_into_document(document, padded, text.size(), false).get(root);
}

}  // namespace

gh_json* JsonArena::parse(std::string_view text, std::string_view& error) {
  // Checked before anything is built: simdjson itself takes up to 15 times the text.
  if (text.size() > kMaxJsonValues && count_values(text, kMaxJsonValues) > kMaxJsonValues) {
    error = "it has more than a million values";
    return nullptr;
  }
  const std::unique_ptr<char[]> padded(new char[text.size() + simdjson::SIMDJSON_PADDING]);
  if (!text.empty()) std::memcpy(padded.get(), text.data(), text.size());
  std::memset(padded.get() + text.size(), 0, simdjson::SIMDJSON_PADDING);

  simdjson::dom::document document;
  simdjson::dom::element root;
  std::vector<LargeNumber> large;
  if (const auto code = parse_mended(text, padded.get(), document, root, large)) {
    error = explain(code);
    return nullptr;
  }
  Builder builder(*this, large);
  gh_json* const node = make();
  const bool built = builder.fill(node, root);
  // The size with which simdjson allocates it.
  blocks_.push_back({std::move(document.string_buf), std::size_t{text.size()} * 5 / 3});
  error = builder.error();
  return built ? node : nullptr;
}

}  // namespace gatehouse::core
