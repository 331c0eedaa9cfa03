#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/json/node.h"

namespace gatehouse::core {
namespace {

bool has_duplicate_keys(const gh_json* object) {
  constexpr std::uint32_t kFew = 16;  // below that, comparing pairs beats sorting
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

/// Overwrites escaped surrogates without a partner (RFC 8259 8.2) by the escape of U+FFFD, which is
/// as long.
void mend_surrogates(char* text, std::size_t size) {
  const auto unit = [&](std::size_t at) -> unsigned {  // the \uXXXX at `at`, or 0
    unsigned value = 0;
    if (at + 6 > size || text[at] != '\\' || text[at + 1] != 'u') return 0;
    const auto [end, error] = std::from_chars(text + at + 2, text + at + 6, value, 16);
    return error == std::errc() && end == text + at + 6 ? value : 0;
  };
  const auto mend = [&](std::size_t at) { std::memcpy(text + at, "\\ufffd", 6); };
  for (std::size_t i = 0; i + 1 < size;) {
    const void* found = std::memchr(text + i, '\\', size - i);
    if (!found) return;
    i = static_cast<std::size_t>(static_cast<const char*>(found) - text);
    const unsigned first = unit(i);
    if (first >= 0xdc00 && first <= 0xdfff) mend(i);
    if (first < 0xd800 || first > 0xdbff) {
      i += 2;
      continue;
    }
    const unsigned second = unit(i + 6);
    if (second >= 0xdc00 && second <= 0xdfff) {
      i += 12;
    } else {
      mend(i);
      i += 6;
    }
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

/// A number that simdjson refuses.
struct LargeNumber {
  std::size_t index;  // among all numbers of the text
  double value;       // infinite: no double can hold it
};

template <class T>
bool is_a(std::string_view digits) {
  T value;
  return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc();
}

/// All that `original` has; in `text`, which is the same, a 0 takes their place.
std::vector<LargeNumber> take_large_numbers(std::string_view original, char* text) {
  std::vector<LargeNumber> large;
  std::size_t index = 0;
  for (std::size_t at = 0; (at = original.find_first_of("\"-0123456789", at)) < original.size();) {
    if (original[at] == '"') {
      for (++at; at < original.size() && original[at] != '"'; ++at) at += original[at] == '\\';
      ++at;
      continue;
    }
    const std::string_view number =
        original.substr(at, original.find_first_not_of("+-.0123456789eE", at) - at);
    const bool whole = number.find_first_of(".eE") == number.npos;
    const double value = std::strtod(std::string(number).c_str(), nullptr);
    const bool is_small =
        whole ? is_a<std::int64_t>(number) || is_a<std::uint64_t>(number) : std::isfinite(value);
    if (!is_small && is_number(number)) {
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

/// How many values a text holds if it is valid: one, one more for each comma, and one for what
/// stands first in each array and object. Stops beyond `most`.
std::size_t count_values(std::string_view text, std::size_t most) {
  std::size_t count = 1;
  for (std::size_t at = 0; at < text.size() && count <= most; ++at) {
    switch (text[at]) {
      case ',': ++count; break;
      case '[':
      case '{': {
        const std::size_t first = text.find_first_not_of(" \t\r\n", at + 1);
        if (first != text.npos && text[first] != ']' && text[first] != '}') ++count;
        break;
      }
      case '"': {
        const auto is_escaped = [&] {
          return (at - 1 - text.find_last_not_of('\\', at - 1)) % 2 == 1;
        };
        do {
          at = text.find('"', at + 1);
          if (at == text.npos) return count;
        } while (is_escaped());
        break;
      }
      default: break;
    }
  }
  return count;
}

/// Builds the nodes of a parsed text; their strings are views into the parser's buffer.
struct Builder {
  JsonArena& arena;
  const std::vector<LargeNumber>& large;
  std::size_t numbers = 0, next_large = 0;
  std::string_view error = {};

  bool fill(gh_json* node, simdjson::dom::element element, std::size_t depth = 0) {
    using simdjson::dom::element_type;
    if ((element.is_array() || element.is_object()) && ++depth > kMaxJsonDepth)
      return fail(explain(simdjson::DEPTH_ERROR));
    if (element.is_number() && next_large < large.size() && large[next_large].index == numbers++) {
      const double value = large[next_large++].value;
      if (std::isfinite(value)) set_real(node, value);
      return true;
    }
    switch (element.type()) {
      case element_type::NULL_VALUE: return true;
      case element_type::BOOL:
        node->type = GH_BOOL;
        node->integer = bool(element);
        return true;
      case element_type::INT64:
        node->type = GH_INT;
        node->integer = std::int64_t(element);
        return true;
      case element_type::UINT64:
      case element_type::DOUBLE: set_real(node, double(element)); return true;
      case element_type::STRING: set_text(node, std::string_view(element)); return true;
      case element_type::ARRAY: {
        become(node, GH_ARRAY);
        const simdjson::dom::array children(element);
        for (const auto child : children) {
          if (!fill(append(node, arena.make()), child, depth)) return false;
        }
        return true;
      }
      case element_type::OBJECT: {
        become(node, GH_OBJECT);
        const simdjson::dom::object members(element);
        for (const auto field : members) {
          gh_json* child = append(node, arena.make());
          child->key = field.key.data();
          child->key_size = static_cast<std::uint32_t>(field.key.size());
          if (!fill(child, field.value, depth)) return false;
        }
        return !has_duplicate_keys(node) || fail("an object names a key twice");
      }
    }
    return true;
  }

  bool fail(std::string_view why) {
    error = why;
    return false;
  }
};

}  // namespace

gh_json* JsonArena::parse(std::string_view text, std::string_view& error) {
  // Before anything is built: simdjson itself takes up to 15 times the text.
  if (text.size() > kMaxJsonValues && count_values(text, kMaxJsonValues) > kMaxJsonValues) {
    error = "it has more than a million values";
    return nullptr;
  }
  const std::unique_ptr<char[]> padded(new char[text.size() + simdjson::SIMDJSON_PADDING]);
  if (!text.empty()) std::memcpy(padded.get(), text.data(), text.size());
  std::memset(padded.get() + text.size(), 0, simdjson::SIMDJSON_PADDING);
  if (text.find("\\ud") != text.npos || text.find("\\uD") != text.npos)
    mend_surrogates(padded.get(), text.size());

  simdjson::dom::parser parser;
  simdjson::dom::document document;
  simdjson::dom::element root;
  simdjson::error_code code = parser.allocate(std::max<std::size_t>(text.size(), 64),
                                              kMaxJsonDepth + 1);  // it does not count empty ones
  if (!code)
    code = parser.parse_into_document(document, padded.get(), text.size(), false).get(root);
  std::vector<LargeNumber> large;
  if (code == simdjson::NUMBER_ERROR) {
    large = take_large_numbers(text, padded.get());
    code = parser.parse_into_document(document, padded.get(), text.size(), false).get(root);
  }
  if (code) {
    error = explain(code);
    return nullptr;
  }
  Builder builder{*this, large};
  gh_json* const node = make();
  const bool built = builder.fill(node, root);
  blocks_.push_back({std::move(document.string_buf),
                     std::size_t{text.size()} * 5 / 3});  // as simdjson allocates it
  error = builder.error;
  return built ? node : nullptr;
}

}  // namespace gatehouse::core
