#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gatehouse/abi.h"

namespace gatehouse::core {

/// The deepest accepted nesting of arrays and objects. The tree of a web page, whose elements take
/// two levels each, exceeds 64; recursion this deep takes about 100 KiB of the 1 MiB of a request's
/// stack.
inline constexpr std::size_t kMaxJsonDepth = 256;
/// The most values in one parsed text: a node takes 40 bytes, so a body of `[0,0,0,...` would grow
/// 20 times.
inline constexpr std::size_t kMaxJsonValues = 1'000'000;

/// The memory of one JSON document, or of several that belong together; nodes and strings are freed
/// with it. Nodes never move, so pointers to them stay valid while the document grows. One thread
/// at a time.
class JsonArena {
 public:
  JsonArena() = default;
  JsonArena(const JsonArena&) = delete;
  JsonArena& operator=(const JsonArena&) = delete;

  gh_json* make();  // inline, in node.h
  /// Keeps `text`, in which it unescapes the strings. Null, with `error` a static text, when it is
  /// not JSON, is nested too deep, has too many values, or has an object with a duplicate key.
  /// Escaped lone surrogates, which browsers produce when they cut strings, become U+FFFD. An
  /// integer beyond 64 bits becomes the nearest double, and a number that no double can hold
  /// becomes null, as in JSON.stringify(JSON.parse(text)).
  gh_json* parse(std::string text, std::string_view& error);
  /// The same for a copy of `text`.
  gh_json* parse_copy(std::string_view text, std::string_view& error);
  /// A copy that lives as long as the arena.
  std::string_view copy(std::string_view text);
  /// `text` is part of a string of this arena, so it need not be copied.
  bool owns(std::string_view text) const;
  /// Forgets all documents; keeps memory for others. False: that is not worth it, as it is large.
  bool clear();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };
  void* allocate(std::size_t bytes) {
    bytes = (bytes + 7) & ~std::size_t{7};
    if (bytes > left_) return grow(bytes);
    void* const out = free_;
    free_ += bytes;
    left_ -= bytes;
    return out;
  }
  void* grow(std::size_t bytes);
  std::string& next_text() { return text_.empty() ? text_ : texts_.emplace_front(); }
  gh_json* parse_kept(std::string& text, std::string_view& error);

  // Of a small document, which takes no block: with it the arena is as large as malloc() keeps
  // ready for a thread.
  alignas(8) char first_[928];
  std::vector<Block> blocks_;
  std::string text_;                      // that was parsed
  std::forward_list<std::string> texts_;  // that were parsed after it
  std::size_t carved_ = 0;                // of blocks_, in all
  char* free_ = first_;
  std::size_t left_ = sizeof first_;
};

/// As JSON text, to which `append(to, piece)` adds piece by piece.
void dump_to(const gh_json* node, void* to, void (*append)(void*, gh_str));
void dump(const gh_json* node, std::string& out);
/// The text with U+FFFD in place of every byte that is not part of valid UTF-8.
std::string replace_invalid(std::string_view text);

/// The functions with which plugins and the core itself read and write nodes.
const gh_json_api& json_api();

}  // namespace gatehouse::core
