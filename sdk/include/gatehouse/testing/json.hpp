/// gh_json_api on plain, slow, obvious data structures: the JSON of gatehouse/testing.hpp.
#pragma once

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "gatehouse/plugin.hpp"

namespace gatehouse::testing {
namespace fake {

struct Doc;

struct Node {
  explicit Node(Doc* d) : doc(d) {}

  Doc* doc;
  int type = GH_NULL;
  std::int64_t integer = 0;  // GH_BOOL, GH_INT
  double real = 0;
  View text;
  View key;  // of the member that this node is
  Node* next =
      nullptr;  // stays when the node is erased, so that a loop may erase what it stands on
  Node* first = nullptr;
  Node* last = nullptr;
  std::size_t count = 0;
};

/// Keeps every node and text until the end, as the contract promises views that live as long as the
/// document.
struct Doc {
  Node* node() { return &nodes.emplace_back(this); }
  View keep(View text) { return texts.emplace_back(text); }

  std::deque<Node> nodes;  // [0] is the root
  std::deque<std::string> texts;
};

inline Node* node(gh_json* n) { return reinterpret_cast<Node*>(n); }
inline const Node* node(const gh_json* n) { return reinterpret_cast<const Node*>(n); }
inline gh_json* raw_node(Node* n) { return reinterpret_cast<gh_json*>(n); }
inline const gh_json* raw_node(const Node* n) { return reinterpret_cast<const gh_json*>(n); }

inline void reset(Node& n, int type) {
  n.type = type;
  n.first = n.last = nullptr;
  n.count = 0;
}

inline Node* append(Node& to, View key) {
  Node* child = to.doc->node();
  child->key = key;
  (to.last ? to.last->next : to.first) = child;
  to.last = child;
  ++to.count;
  return child;
}

inline Node* find(const Node& object, View key) {
  if (object.type != GH_OBJECT) return nullptr;
  Node* child = object.first;
  while (child && child->key != key) child = child->next;
  return child;
}

inline void clone(Node& to, const Node& from) {
  const auto text = [&](View t) { return to.doc == from.doc || !t.data() ? t : to.doc->keep(t); };
  reset(to, from.type);
  to.integer = from.integer;
  to.real = from.real;
  to.text = text(from.text);
  for (const Node* child = from.first; child; child = child->next)
    clone(*append(to, text(child->key)), *child);
}

/// RFC 8259 and nothing more; refuses what two readers may read differently: duplicate keys, bad
/// UTF-8. As in the gateway, an escaped lone surrogate becomes U+FFFD, an integer beyond 64 bits is
/// the nearest double, and a number beyond a double is null.
class Parser {
 public:
  Parser(View text, Doc& doc) : text_(text), doc_(doc) {}

  /// Null, or what is wrong.
  const char* parse(Node& root) {
    value(root, 0);
    space();
    if (!error_ && at_ < text_.size()) error_ = "there is more after its end";
    return error_;
  }

 private:
  static constexpr int kMaxDepth = 256;  // as the gateway

  bool fail(const char* why) {
    if (!error_) error_ = why;
    return false;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool eat(View what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }
  void space() {
    while (at_ < text_.size() && View(" \t\r\n").find(text_[at_]) != View::npos) ++at_;
  }

  bool value(Node& n, int depth) {
    space();
    if (at_ >= text_.size()) return fail("it ends too early");
    switch (peek()) {
      case '{':
        return depth < kMaxDepth ? object(n, depth + 1)
                                 : fail("it is nested deeper than 256 levels");
      case '[':
        return depth < kMaxDepth ? array(n, depth + 1)
                                 : fail("it is nested deeper than 256 levels");
      case '"': n.type = GH_STRING; return string(n.text);
      default: break;
    }
    if (eat("null")) return true;
    if (eat("true") || eat("false")) {
      n.type = GH_BOOL;
      n.integer = text_[at_ - 2] == 'u';  // tr-u-e, fal-s-e
      return true;
    }
    return number(n);
  }

  bool object(Node& n, int depth) {
    reset(n, GH_OBJECT);
    ++at_;
    space();
    if (eat("}")) return true;
    do {
      space();
      View key;
      if (peek() != '"') return fail("a key must be a string");
      if (!string(key)) return false;
      if (find(n, key)) return fail("an object names a key twice");
      space();
      if (!eat(":")) return fail("a colon is missing");
      if (!value(*append(n, key), depth)) return false;
      space();
    } while (eat(","));
    return eat("}") || fail("a comma or brace is missing");
  }

  bool array(Node& n, int depth) {
    reset(n, GH_ARRAY);
    ++at_;
    space();
    if (eat("]")) return true;
    do {
      if (!value(*append(n, {}), depth)) return false;
      space();
    } while (eat(","));
    return eat("]") || fail("a comma or bracket is missing");
  }

  bool number(Node& n) {
    const std::size_t start = at_;
    const auto digits = [&] {
      const std::size_t from = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      return at_ > from;
    };
    eat("-");
    const bool zero = peek() == '0';
    if (zero) ++at_;
    if (!zero && !digits()) return fail("there is no value");
    bool real = false;
    if (eat(".")) {
      real = true;
      if (!digits()) return fail("a digit is missing");
    }
    if (eat("e") || eat("E")) {
      real = true;
      if (!eat("-")) eat("+");
      if (!digits()) return fail("a digit is missing");
    }
    const std::string text(text_.substr(start, at_ - start));
    errno = 0;
    n.type = GH_INT;
    n.integer = std::strtoll(text.c_str(), nullptr, 10);
    if (!real && errno == 0) return true;
    n.real = std::strtod(text.c_str(), nullptr);
    n.type = std::isfinite(n.real) ? GH_REAL : GH_NULL;
    return true;
  }

  bool string(View& out) {
    std::string text;
    for (++at_; at_ < text_.size();) {
      const unsigned char c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        out = doc_.keep(text);
        return true;
      }
      if (c < 0x20) return fail("a string has a control character that is not escaped");
      if (c == '\\') {
        if (!escape(text)) return false;
      } else if (c < 0x80) {
        text.push_back(text_[at_++]);
      } else if (!utf8(text)) {
        return false;
      }
    }
    return fail("it ends too early");
  }

  bool escape(std::string& text) {
    static constexpr View kNames = "\"\\/bfnrt";
    static constexpr View kMeanings = "\"\\/\b\f\n\r\t";
    const char name = ++at_ < text_.size() ? text_[at_++] : '\0';
    if (const auto i = kNames.find(name); name && i != View::npos) {
      text.push_back(kMeanings[i]);
      return true;
    }
    unsigned code = 0, low = 0;
    if (name != 'u' || !hex(code)) return fail("a string has a bad escape");
    if (const std::size_t second = at_; code >= 0xD800 && code < 0xDC00 && eat("\\u")) {
      if (hex(low) && low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = second;
      }
    }
    if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;
    if (code < 0x80) {
      text.push_back(static_cast<char>(code));
      return true;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    text.push_back(static_cast<char>((0xF00 >> (more + 1) & 0xFF) | (code >> (6 * more))));
    for (int i = more - 1; i >= 0; --i)
      text.push_back(static_cast<char>(0x80 | (code >> (6 * i) & 0x3F)));
    return true;
  }

  bool hex(unsigned& code) {
    for (int i = 0; i < 4; ++i) {
      const auto digit =
          View("0123456789abcdef")
              .find(static_cast<char>(std::tolower(static_cast<unsigned char>(peek()))));
      if (digit == View::npos) return false;
      code = code << 4 | static_cast<unsigned>(digit);
      ++at_;
    }
    return true;
  }

  bool utf8(std::string& text) {
    static constexpr std::uint32_t kSmallest[] = {0, 0x80, 0x800,
                                                  0x10000};  // RFC 3629: the shortest form only
    const unsigned char head = static_cast<unsigned char>(text_[at_]);
    const std::size_t more = head >= 0xF0 && head < 0xF5   ? 3
                             : head >= 0xE0 && head < 0xF0 ? 2
                             : head >= 0xC2 && head < 0xE0 ? 1
                                                           : 0;
    if (more == 0 || at_ + more >= text_.size()) return fail("it is not UTF-8");
    std::uint32_t code = head & (0x3Fu >> more);
    for (std::size_t i = 1; i <= more; ++i) {
      const unsigned char c = static_cast<unsigned char>(text_[at_ + i]);
      if ((c & 0xC0) != 0x80) return fail("it is not UTF-8");
      code = code << 6 | (c & 0x3Fu);
    }
    if (code < kSmallest[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      return fail("it is not UTF-8");
    text.append(text_, at_, more + 1);
    at_ += more + 1;
    return true;
  }

  View text_;
  Doc& doc_;
  std::size_t at_ = 0;
  const char* error_ = nullptr;
};

inline void dump_real(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[32];
  for (int digits = 15; digits <= 17;
       ++digits) {  // the shortest that reads back as the same number
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    if (std::strtod(text, nullptr) == value) break;
  }
  const double size = value < 0 ? -value : value;
  if (size < 18446744073709551616.0 || size >= 1e21) {
    out += text;
    return;
  }
  const std::size_t end = out.size() + (size < 1e20 ? 20 : 21) +
                          (value < 0 ? 1 : 0);  // in digits, as JSON.stringify() has it
  for (const char* c = text; *c != 'e'; ++c) {
    if (*c != '.') out += *c;
  }
  out.resize(end, '0');
}

inline void dump(std::string& out, const Node& n) {
  switch (n.type) {
    case GH_NULL: out += "null"; return;
    case GH_BOOL: out += n.integer ? "true" : "false"; return;
    case GH_INT: out += std::to_string(n.integer); return;
    case GH_REAL: dump_real(out, n.real); return;
    case GH_STRING: quote(out, n.text); return;
    default: break;
  }
  out += n.type == GH_OBJECT ? '{' : '[';
  for (const Node* child = n.first; child; child = child->next) {
    if (child != n.first) out += ',';
    if (n.type == GH_OBJECT) {
      quote(out, child->key);
      out += ':';
    }
    dump(out, *child);
  }
  out += n.type == GH_OBJECT ? '}' : ']';
}

struct JsonFake {
  static int type(const gh_json* n) { return n ? node(n)->type : GH_NULL; }
  static const gh_json* get(const gh_json* n, gh_str key) {
    return n ? raw_node(find(*node(n), view(key))) : nullptr;
  }
  static const gh_json* at(const gh_json* n, std::size_t index) {
    const Node* child = n ? node(n)->first : nullptr;
    while (child && index-- > 0) child = child->next;
    return raw_node(child);
  }
  static std::size_t count(const gh_json* n) { return n ? node(n)->count : 0; }
  static const gh_json* step(const gh_json* n, const gh_json* previous, gh_str* key) {
    if (!n) return nullptr;
    const Node* child = previous ? node(previous)->next : node(n)->first;
    if (key) *key = child ? raw(child->key) : gh_str{};
    return raw_node(child);
  }
  static gh_str str(const gh_json* n) {
    return type(n) == GH_STRING ? raw(node(n)->text) : gh_str{};
  }
  static std::int64_t integer(const gh_json* n, std::int64_t otherwise) {
    return type(n) == GH_INT ? node(n)->integer : otherwise;
  }
  static double real(const gh_json* n, double otherwise) {
    return type(n) == GH_REAL  ? node(n)->real
           : type(n) == GH_INT ? static_cast<double>(node(n)->integer)
                               : otherwise;
  }
  static int boolean(const gh_json* n, int otherwise) {
    return type(n) == GH_BOOL ? static_cast<int>(node(n)->integer) : otherwise;
  }

  static gh_json* edit(gh_json* n, gh_str key) {
    if (!n) return nullptr;
    if (type(n) != GH_OBJECT) reset(*node(n), GH_OBJECT);
    Node* member = find(*node(n), view(key));
    return raw_node(member ? member : append(*node(n), node(n)->doc->keep(view(key))));
  }
  static gh_json* push(gh_json* n) {
    if (!n) return nullptr;
    if (type(n) != GH_ARRAY) reset(*node(n), GH_ARRAY);
    return raw_node(append(*node(n), {}));
  }
  static gh_status erase(gh_json* n, const gh_json* child) {
    if (!n || !child) return GH_INVALID;
    Node* before = nullptr;
    Node* at = node(n)->first;
    while (at && at != node(child)) before = std::exchange(at, at->next);
    if (!at) return GH_ABSENT;
    (before ? before->next : node(n)->first) = at->next;
    if (node(n)->last == at) node(n)->last = before;
    --node(n)->count;
    return GH_OK;
  }
  static void set_empty(gh_json* n, int type) {
    if (n) reset(*node(n), type == GH_ARRAY || type == GH_OBJECT ? type : int{GH_NULL});
  }
  static void set_bool(gh_json* n, int value) {
    if (!n) return;
    reset(*node(n), GH_BOOL);
    node(n)->integer = value != 0;
  }
  static void set_int(gh_json* n, std::int64_t value) {
    if (!n) return;
    reset(*node(n), GH_INT);
    node(n)->integer = value;
  }
  static void set_real(gh_json* n, double value) {
    if (!n) return;
    reset(*node(n), GH_REAL);
    node(n)->real = value;
  }
  static void set_str(gh_json* n, gh_str value) {
    if (!n) return;
    reset(*node(n), GH_STRING);
    node(n)->text = node(n)->doc->keep(view(value));
  }
  static void copy(gh_json* dst, const gh_json* src) {
    if (!dst) return;
    if (!src) return set_empty(dst, GH_NULL);
    Node* fresh = node(dst)->doc->node();  // aside first: one may be inside the other
    clone(*fresh, *node(src));
    Node& to = *node(dst);
    to.type = fresh->type;
    to.integer = fresh->integer;
    to.real = fresh->real;
    to.text = fresh->text;
    to.first = fresh->first;
    to.last = fresh->last;
    to.count = fresh->count;
  }

  static gh_json* make() { return raw_node((new Doc)->node()); }
  static gh_json* parse(gh_str text, gh_str* error) {
    auto doc = std::make_unique<Doc>();
    Node* root = doc->node();
    if (const char* why = Parser(view(text), *doc).parse(*root)) {
      if (error) *error = raw(why);
      return nullptr;
    }
    doc.release();  // root->doc, until drop()
    return raw_node(root);
  }
  static void dump(const gh_json* n, void* to, void (*append_piece)(void*, gh_str)) {
    std::string out = n ? "" : "null";
    if (n) fake::dump(out, *node(n));
    append_piece(to, raw(out));
  }
  static void drop(gh_json* root) {
    if (root) delete node(root)->doc;
  }

  static constexpr gh_json_api kTable = {sizeof(gh_json_api),
                                         0,
                                         type,
                                         get,
                                         at,
                                         count,
                                         step,
                                         str,
                                         integer,
                                         real,
                                         boolean,
                                         edit,
                                         push,
                                         erase,
                                         set_empty,
                                         set_bool,
                                         set_int,
                                         set_real,
                                         set_str,
                                         copy,
                                         make,
                                         parse,
                                         dump,
                                         drop};
};

}  // namespace fake

inline const gh_json_api& json_api() { return fake::JsonFake::kTable; }

}  // namespace gatehouse::testing
