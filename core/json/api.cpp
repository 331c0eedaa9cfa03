// The functions behind gh_json_api, in the order of that struct. Every one accepts NULL, so that a
// plugin can walk through a document without a check at each step. A document that is made through
// this table owns its arena: drop() finds the arena through the root.
#include "core/json/guarded.h"
#include "core/json/node.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

/// The text as the arena keeps it: valid, and copied unless it is part of it already.
std::string_view keep(JsonArena& arena, std::string_view text) {
  if (!is_utf8(text)) return arena.copy(replace_invalid(text));
  return arena.owns(text) ? text : arena.copy(text);
}

void deep_copy(gh_json* to, const gh_json* from);

void copy_children(gh_json* to, const gh_json* from) {
  JsonArena& arena = *to->arena;
  // Built aside first: `from` may be inside `to`, or the other way round.
  gh_json* const aside = arena.make();
  become(aside, static_cast<int>(from->type));
  for (const gh_json* child = after(from, nullptr); child; child = after(from, child)) {
    gh_json* const node = append(aside, arena.make());
    if (child->key) {
      node->key = &arena == from->arena ? child->key : arena.copy(child->key_view()).data();
      node->key_size = child->key_size;
    }
    deep_copy(node, child);
  }
  to->type = aside->type;
  to->size = aside->size;
  to->last = aside->last;
}

void deep_copy(gh_json* to, const gh_json* from) {
  if (!from) return become(to, GH_NULL);
  if (from->is_container()) return copy_children(to, from);
  if (from->type == GH_STRING) {
    const std::string_view text(from->text, from->size);
    return set_text(to, to->arena == from->arena ? text : to->arena->copy(text));
  }
  to->type = from->type;
  to->integer = from->integer;
}

int type(const gh_json* n) { return n ? int(n->type) : int{GH_NULL}; }

const gh_json* get(const gh_json* n, gh_str key) { return member(n, view(key)); }

const gh_json* at(const gh_json* n, std::size_t index) {
  if (!n || !n->is_container() || index >= n->size) return nullptr;
  const gh_json* child = after(n, nullptr);
  while (index-- > 0) child = child->next;
  return child;
}

std::size_t count(const gh_json* n) { return n && n->is_container() ? std::size_t{n->size} : 0; }

const gh_json* step(const gh_json* n, const gh_json* previous, gh_str* key) {
  const gh_json* child = after(n, previous);
  if (child && key) *key = raw(child->key_view());
  return child;
}

gh_str str(const gh_json* n) {
  return n && n->type == GH_STRING ? gh_str{n->text, n->size} : gh_str{nullptr, 0};
}

std::int64_t integer(const gh_json* n, std::int64_t otherwise) {
  return n && n->type == GH_INT ? n->integer : otherwise;
}

double real(const gh_json* n, double otherwise) {
  if (n && n->type == GH_REAL) return n->real;
  if (n && n->type == GH_INT) return static_cast<double>(n->integer);
  return otherwise;
}

int boolean(const gh_json* n, int otherwise) {
  return n && n->type == GH_BOOL ? int(n->integer) : otherwise;
}

gh_json* edit(gh_json* n, gh_str key) {
  if (!n) return nullptr;
  if (n->type != GH_OBJECT) become(n, GH_OBJECT);
  if (gh_json* const found = member(n, view(key))) return found;
  // A name that is not UTF-8 is kept repaired, and is the same member each time.
  if (!is_utf8(view(key))) return edit(n, raw(replace_invalid(view(key))));
  gh_json* const child = append(n, n->arena->make());
  child->key = n->arena->copy(view(key)).data();
  child->key_size = static_cast<std::uint32_t>(key.n);
  return child;
}

gh_json* push(gh_json* n) {
  if (!n) return nullptr;
  if (n->type != GH_ARRAY) become(n, GH_ARRAY);
  return append(n, n->arena->make());
}

gh_status erase(gh_json* n, const gh_json* child) {
  if (!n || !n->is_container() || !n->last || !child) return GH_INVALID;
  gh_json* before = n->last;
  do {
    if (before->next != child) continue;
    before->next = child->next;
    if (n->last == child) {
      n->last = n->size == 1 ? nullptr : before;
      const_cast<gh_json*>(child)->next = nullptr;  // ends a loop that has reached it
    }
    --n->size;
    return GH_OK;
  } while ((before = before->next) != n->last);
  return GH_ABSENT;
}

void set_empty(gh_json* n, int type) {
  if (n) become(n, type == GH_ARRAY || type == GH_OBJECT ? type : int{GH_NULL});
}

void set_bool(gh_json* n, int value) {
  if (!n) return;
  n->type = GH_BOOL;
  n->integer = value != 0;
}

void set_int(gh_json* n, std::int64_t value) {
  if (!n) return;
  n->type = GH_INT;
  n->integer = value;
}

void set_double(gh_json* n, double value) {
  if (n) set_real(n, value);
}

void set_str(gh_json* n, gh_str text) {
  if (n) set_text(n, keep(*n->arena, view(text)));
}

void copy(gh_json* to, const gh_json* from) {
  if (to && to != from) deep_copy(to, from);
}

#ifdef __SANITIZE_ADDRESS__  // which is to find what is used after it was dropped
constexpr bool kReuses = false;
#else
constexpr bool kReuses = true;
#endif
/// Of a document that was dropped: most are events, one after the other.
thread_local std::unique_ptr<JsonArena> spare;

std::unique_ptr<JsonArena> take_arena() {
  return spare ? std::move(spare) : std::make_unique<JsonArena>();
}

gh_json* make() { return take_arena().release()->make(); }

gh_json* parse(gh_str text, gh_str* error) {
  auto arena = take_arena();
  std::string_view why;
  gh_json* const root = arena->parse_copy(view(text), why);
  if (root) {
    (void)arena.release();
  } else if (error) {
    *error = raw(why);
  }
  return root;
}

void drop(gh_json* root) {
  if (!root) return;
  std::unique_ptr<JsonArena> arena(root->arena);
  if (kReuses && !spare && arena->clear()) spare = std::move(arena);
}

constexpr gh_json_api kApi = {.size = sizeof(gh_json_api),
                              .reserved = 0,
                              .type = type,
                              .get = get,
                              .at = at,
                              .count = count,
                              .step = step,
                              .str = str,
                              .integer = integer,
                              .real = real,
                              .boolean = boolean,
                              .edit = guarded<edit, nullptr>,
                              .push = guarded<push, nullptr>,
                              .erase = erase,
                              .set_empty = set_empty,
                              .set_bool = set_bool,
                              .set_int = set_int,
                              .set_real = set_double,
                              .set_str = guarded<set_str>,
                              .copy = guarded<copy>,
                              .make = guarded<make, nullptr>,
                              .parse = guarded<parse, nullptr>,
                              .dump = guarded<dump_to>,
                              .drop = drop};

}  // namespace

const gh_json_api& json_api() { return kApi; }

}  // namespace gatehouse::core
