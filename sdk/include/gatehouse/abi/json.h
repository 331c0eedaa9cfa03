/// JSON documents of the host.
#ifndef GATEHOUSE_ABI_JSON_H
#define GATEHOUSE_ABI_JSON_H

#include "gatehouse/abi/text.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GH_NULL, GH_BOOL, GH_INT, GH_REAL, GH_STRING, GH_ARRAY, GH_OBJECT };

/// A NULL node as argument gives the empty result, so look-ups chain. Objects keep the order of
/// their members, whose names are unique. Integers are int64_t. One document belongs to one thread
/// at a time; reading a document that nobody edits is safe on any thread.
typedef struct gh_json_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  int (*type)(const gh_json*);
  const gh_json* (*get)(const gh_json*, gh_str key);
  const gh_json* (*at)(const gh_json*, size_t index);  ///< Linear; use step() in loops.
  size_t (*count)(const gh_json*);
  /// The member or element after `previous` (NULL: the first), or NULL. `key` may be NULL.
  const gh_json* (*step)(const gh_json* container, const gh_json* previous, gh_str* key);
  gh_str (*str)(const gh_json*);  ///< {NULL, 0} unless it is a string.
  int64_t (*integer)(const gh_json*, int64_t otherwise);
  double (*real)(const gh_json*, double otherwise);  ///< Of integers too.
  int (*boolean)(const gh_json*, int otherwise);
  /// Finds or creates the member. A node that is no object becomes an empty one first.
  gh_json* (*edit)(gh_json*, gh_str key);
  /// Appends null. A node that is no array becomes an empty one first.
  gh_json* (*push)(gh_json*);
  gh_status (*erase)(gh_json* container, const gh_json* child);
  void (*set_empty)(gh_json*, int type);  ///< null, or an empty array or object.
  void (*set_bool)(gh_json*, int);
  void (*set_int)(gh_json*, int64_t);
  void (*set_real)(gh_json*, double);
  /// Copies the text, unless it is part of a string of the same document.
  void (*set_str)(gh_json*, gh_str);
  void (*copy)(gh_json* dst, const gh_json* src);  ///< Deep; shares strings within one document.
  gh_json* (*make)(void);                          ///< A new document (null). Yours: drop() it.
  /// Yours: drop() it. NULL and a static text on error. An integer beyond int64_t becomes a
  /// GH_REAL, the nearest double, and a number beyond a double becomes null, as in JavaScript. More
  /// than 256 levels are an error.
  gh_json* (*parse)(gh_str text, gh_str* error);
  void (*dump)(const gh_json*, void* to, void (*append)(void* to, gh_str piece));
  void (*drop)(gh_json* root);
} gh_json_api;

#ifdef __cplusplus
}
#endif
#endif
