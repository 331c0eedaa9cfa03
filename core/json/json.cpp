#include "core/json/json.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "gatehouse/text.hpp"

using gatehouse::raw;
using gatehouse::view;
using gatehouse::core::JsonArena;

/// Children form a ring: `last` points to the newest, its `next` to the first. So appending takes
/// no search, nodes need no vector that moves, and one pointer serves both ends.
struct gh_json {
  gh_json* next;
  JsonArena* arena;
  const char* key;
  union {
    const char* text;
    std::int64_t integer;
    double real;
    gh_json* last;
  };
  std::uint32_t key_size;
  std::uint32_t size : 29;  // of the text, or number of children; bodies end far below 512 MiB
  std::uint32_t type : 3;

  std::string_view key_view() const { return {key, key_size}; }
  bool is_container() const { return type == GH_ARRAY || type == GH_OBJECT; }
};
static_assert(sizeof(gh_json) == 40);

namespace gatehouse::core {
namespace {

void become(gh_json* node, int type) {
  node->type = static_cast<std::uint32_t>(type) & 7u;
  node->size = 0;
  node->last = nullptr;
}

void set_text(gh_json* node, std::string_view text) {
  node->type = GH_STRING;
  node->text = text.data();
  node->size = static_cast<std::uint32_t>(text.size()) & 0x1fffffffu;
}

void set_real(gh_json* node, double value) {
  node->type = GH_REAL;
  node->real = value;
}

gh_json* append(gh_json* container, gh_json* child) {
  if (container->last) {
    child->next = container->last->next;
    container->last->next = child;
  } else {
    child->next = child;
  }
  container->last = child;
  ++container->size;
  return child;
}

gh_json* after(const gh_json* container, const gh_json* previous) {
  if (!container || !container->is_container() || !container->last || previous == container->last)
    return nullptr;
  return previous ? previous->next : container->last->next;
}

gh_json* member(const gh_json* object, std::string_view key) {
  if (!object || object->type != GH_OBJECT) return nullptr;
  for (gh_json* child = after(object, nullptr); child; child = after(object, child)) {
    if (child->key_view() == key) return child;
  }
  return nullptr;
}

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

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::string_view keep(JsonArena& arena, std::string_view text) {
  if (!is_utf8(text)) return arena.copy(replace_invalid(text));
  return arena.owns(text) ? text : arena.copy(text);
}

void copy_into(gh_json* to, const gh_json* from) {
  if (!from) return become(to, GH_NULL);
  const bool same = to->arena == from->arena;
  if (from->type == GH_STRING)
    return set_text(to, same ? std::string_view(from->text, from->size)
                             : to->arena->copy({from->text, from->size}));
  if (!from->is_container()) {
    to->type = from->type;
    to->integer = from->integer;
    return;
  }
  gh_json* const copy =
      to->arena->make();  // first aside: `from` may be inside `to`, or the other way round
  become(copy, static_cast<int>(from->type));
  for (const gh_json* child = after(from, nullptr); child; child = after(from, child)) {
    gh_json* const node = append(copy, to->arena->make());
    if (child->key) {
      node->key = same ? child->key : to->arena->copy(child->key_view()).data();
      node->key_size = child->key_size;
    }
    copy_into(node, child);
  }
  to->type = copy->type;
  to->size = copy->size;
  to->last = copy->last;
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

void* JsonArena::allocate(std::size_t bytes) {
  constexpr std::size_t kSmallest = 512, kLargest = 1024 * 1024;
  bytes = (bytes + 7) & ~std::size_t{7};
  if (bytes > left_) {
    // By half of what there is: large documents take few blocks, small ones waste little.
    const std::size_t size = std::max(bytes, std::clamp(carved_ / 2, kSmallest, kLargest));
    carved_ += size;
    blocks_.push_back({std::unique_ptr<std::uint8_t[]>(new std::uint8_t[size]), size});
    free_ = blocks_.back().bytes.get();
    left_ = size;
  }
  void* const out = free_;
  free_ += bytes;
  left_ -= bytes;
  return out;
}

bool JsonArena::owns(std::string_view text) const {
  const auto* const at = reinterpret_cast<const std::uint8_t*>(text.data());
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const Block& b) {
    return !std::less<>()(at, b.bytes.get()) && std::less<>()(at, b.bytes.get() + b.size);
  });
}

gh_json* JsonArena::make() {
  auto* const node = static_cast<gh_json*>(allocate(sizeof(gh_json)));
  *node = gh_json{};
  node->arena = this;
  return node;
}

std::string_view JsonArena::copy(std::string_view text) {
  if (text.empty()) return "";
  char* const to = static_cast<char*>(allocate(text.size()));
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

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

namespace {

/// The shortest text that reads back as the same number. In digits where that is what
/// JSON.stringify() writes and readers take them for a double; from 2^63 to 2^64 many would read
/// another integer.
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
  const std::size_t digits = size < 1e20 ? 20 : 21, end = out.size() + digits + (value < 0 ? 1 : 0);
  for (const char c : scientific.substr(0, scientific.find('e'))) {
    if (c != '.') out += c;
  }
  out.resize(end, '0');
}

}  // namespace

std::string object_of(std::string_view name, std::string_view text) {
  std::string out = "{";
  quote(out, name);
  out += ':';
  quote(out, text);
  return out + '}';
}

std::string replace_invalid(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const unsigned char c = static_cast<unsigned char>(text[0]);
    const std::size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
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

void dump(const gh_json* node, std::string& out) {
  if (!node) {
    out += "null";
    return;
  }
  char number[32];
  switch (node->type) {
    case GH_BOOL: out += node->integer ? "true" : "false"; return;
    case GH_INT:
      out.append(number, std::to_chars(number, number + sizeof number, node->integer).ptr);
      return;
    case GH_REAL:
      if (!std::isfinite(node->real)) break;
      dump_real(node->real, out);
      return;
    case GH_STRING: quote(out, {node->text, node->size}); return;
    case GH_ARRAY:
    case GH_OBJECT: {
      const bool object = node->type == GH_OBJECT;
      out += object ? '{' : '[';
      for (const gh_json* child = after(node, nullptr); child; child = after(node, child)) {
        if (object) {
          quote(out, child->key_view());
          out += ':';
        }
        dump(child, out);
        if (child != node->last) out += ',';
      }
      out += object ? '}' : ']';
      return;
    }
    default: break;
  }
  out += "null";
}

namespace {

const gh_json_api kApi = {
    sizeof(gh_json_api),
    0,
    [](const gh_json* n) { return n ? int(n->type) : int(GH_NULL); },
    [](const gh_json* n, gh_str key) -> const gh_json* { return member(n, view(key)); },
    [](const gh_json* n, std::size_t index) -> const gh_json* {
      if (!n || !n->is_container() || index >= n->size) return nullptr;
      const gh_json* child = after(n, nullptr);
      while (index-- > 0) child = child->next;
      return child;
    },
    [](const gh_json* n) { return n && n->is_container() ? std::size_t{n->size} : 0; },
    [](const gh_json* n, const gh_json* previous, gh_str* key) -> const gh_json* {
      const gh_json* child = after(n, previous);
      if (child && key) *key = raw(child->key_view());
      return child;
    },
    [](const gh_json* n) {
      return n && n->type == GH_STRING ? gh_str{n->text, n->size} : gh_str{nullptr, 0};
    },
    [](const gh_json* n, std::int64_t otherwise) {
      return n && n->type == GH_INT ? n->integer : otherwise;
    },
    [](const gh_json* n, double otherwise) {
      return !n                   ? otherwise
             : n->type == GH_REAL ? n->real
             : n->type == GH_INT  ? static_cast<double>(n->integer)
                                  : otherwise;
    },
    [](const gh_json* n, int otherwise) {
      return n && n->type == GH_BOOL ? int(n->integer) : otherwise;
    },
    [](gh_json* n, gh_str key) -> gh_json* {
      if (!n) return nullptr;
      if (n->type != GH_OBJECT) become(n, GH_OBJECT);
      if (gh_json* found = member(n, view(key))) return found;
      gh_json* const child = append(n, n->arena->make());
      const std::string_view text = keep(*n->arena, view(key));
      child->key = text.data();
      child->key_size = static_cast<std::uint32_t>(text.size());
      return child;
    },
    [](gh_json* n) -> gh_json* {
      if (!n) return nullptr;
      if (n->type != GH_ARRAY) become(n, GH_ARRAY);
      return append(n, n->arena->make());
    },
    [](gh_json* n, const gh_json* child) -> gh_status {
      if (!n || !n->is_container() || !n->last || !child) return GH_INVALID;
      gh_json* before = n->last;
      do {
        if (before->next != child) continue;
        before->next = child->next;
        if (n->last == child) {
          n->last = n->size == 1 ? nullptr : before;
          const_cast<gh_json*>(child)->next = nullptr;  // ends a loop that stands on it
        }
        --n->size;
        return GH_OK;
      } while ((before = before->next) != n->last);
      return GH_ABSENT;
    },
    [](gh_json* n, int type) {
      if (n) become(n, type == GH_ARRAY || type == GH_OBJECT ? type : int{GH_NULL});
    },
    [](gh_json* n, int value) {
      if (!n) return;
      n->type = GH_BOOL;
      n->integer = value != 0;
    },
    [](gh_json* n, std::int64_t value) {
      if (!n) return;
      n->type = GH_INT;
      n->integer = value;
    },
    [](gh_json* n, double value) {
      if (n) set_real(n, value);
    },
    [](gh_json* n, gh_str text) {
      if (n) set_text(n, keep(*n->arena, view(text)));
    },
    [](gh_json* to, const gh_json* from) {
      if (to && to != from) copy_into(to, from);
    },
    []() -> gh_json* {
      return (new JsonArena)->make();
    },  // drop() finds the arena through the root
    [](gh_str text, gh_str* error) -> gh_json* {
      auto arena = std::make_unique<JsonArena>();
      std::string_view why;
      gh_json* const root = arena->parse(view(text), why);
      if (root) {
        (void)arena.release();
      } else if (error) {
        *error = raw(why);
      }
      return root;
    },
    [](const gh_json* n, void* to, void (*append_to)(void*, gh_str)) {
      std::string text;
      dump(n, text);
      append_to(to, raw(text));
    },
    [](gh_json* root) {
      if (root) delete root->arena;
    },
};

}  // namespace

const gh_json_api& json_api() { return kApi; }

}  // namespace gatehouse::core
