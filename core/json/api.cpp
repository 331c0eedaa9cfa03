#include "core/json/node.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {
namespace {

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

const gh_json_api kApi = {
    sizeof(gh_json_api),
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
