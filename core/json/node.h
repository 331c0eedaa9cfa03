#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/json/json.h"

namespace gatehouse::core {

/// Names are short: two words that overlap cost less than a call with a variable size.
inline bool is_same(const char* a, const char* b, std::size_t size) {
  if (size > 16) return std::memcmp(a, b, size) == 0;
  const auto ends = [&](auto word) {
    constexpr std::size_t kWord = sizeof word;
    return std::memcmp(a, b, kWord) == 0 &&
           std::memcmp(a + size - kWord, b + size - kWord, kWord) == 0;
  };
  if (size >= 8) return ends(std::uint64_t{});
  if (size >= 4) return ends(std::uint32_t{});
  return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}

}  // namespace gatehouse::core

/// A node of a document. Children form a ring: `last` points to the newest, whose `next` is the
/// first. So appending takes no search, nodes need no vector that moves, and one pointer serves
/// both ends.
struct gh_json {
  gh_json* next;
  gatehouse::core::JsonArena* arena;
  const char* key;
  union {
    const char* text;
    std::int64_t integer;
    double real;
    gh_json* last;
  };
  std::uint32_t key_size;
  std::uint32_t size : 29;  // of the text, or the number of children; bodies are below 512 MiB
  std::uint32_t type : 3;

  std::string_view key_view() const { return {key, key_size}; }
  bool is_named(std::string_view name) const {
    return key_size == name.size() && gatehouse::core::is_same(key, name.data(), key_size);
  }
  bool is_container() const { return type == GH_ARRAY || type == GH_OBJECT; }
};
static_assert(sizeof(gh_json) == 40);

namespace gatehouse::core {

inline gh_json* JsonArena::make() {
  auto* const node = static_cast<gh_json*>(allocate(sizeof(gh_json)));
  *node = gh_json{};
  node->arena = this;
  return node;
}

inline void become(gh_json* node, int type) {
  node->type = static_cast<std::uint32_t>(type) & 7u;
  node->size = 0;
  node->last = nullptr;
}

inline void set_text(gh_json* node, std::string_view text) {
  node->type = GH_STRING;
  node->text = text.data();
  node->size = static_cast<std::uint32_t>(text.size()) & 0x1fffffffu;
}

inline void set_real(gh_json* node, double value) {
  node->type = GH_REAL;
  node->real = value;
}

inline gh_json* append(gh_json* container, gh_json* child) {
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

inline gh_json* after(const gh_json* container, const gh_json* previous) {
  if (!container || !container->is_container() || !container->last || previous == container->last)
    return nullptr;
  return previous ? previous->next : container->last->next;
}

inline gh_json* member(const gh_json* object, std::string_view key) {
  if (!object || object->type != GH_OBJECT) return nullptr;
  gh_json* child = object->last;
  if (!child) return nullptr;
  do {
    child = child->next;
    if (child->is_named(key)) return child;
  } while (child != object->last);
  return nullptr;
}

bool is_utf8(std::string_view text);

}  // namespace gatehouse::core
