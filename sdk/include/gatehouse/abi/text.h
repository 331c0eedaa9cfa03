/// Version, text and status codes: what every other header of the interface needs.
#ifndef GATEHOUSE_ABI_TEXT_H
#define GATEHOUSE_ABI_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define GH_ABI_MAJOR 1
#define GH_ABI_MINOR 0

/// The oldest minor version of the host that the plugin works with. A plugin that needs a function
/// of a later minor version defines this before it includes any header of the SDK; only then do
/// the C++ headers offer what that version added.
#ifndef GATEHOUSE_NEEDS
#define GATEHOUSE_NEEDS 0
#endif

/// Whether the struct behind `p`, which begins with `size`, is new enough to have this member.
#define GH_HAS(type, p, member) ((p)->size >= offsetof(type, member) + sizeof((p)->member))

/// UTF-8 text, not NUL-terminated. {NULL, 0} means absent where a function says so.
typedef struct gh_str {
  const char* p;
  size_t n;
} gh_str;

typedef int32_t gh_status;
enum {
  GH_OK = 0,
  GH_STOP = 1,          ///< The reader of these events has gone: return at once, quietly.
  GH_INVALID = -1,      ///< The call itself was wrong.
  GH_ABSENT = -2,       ///< There is no such thing; of a sequence: its end.
  GH_FAILED = -3,       ///< Failed; the exchange has the failure.
  GH_CANCELLED = -4,    ///< The deadline has passed or the gateway stops: return soon.
  GH_UNSUPPORTED = -5,  ///< This host cannot do that.
  GH_UNAVAILABLE = -6   ///< A resource that this call needs is temporarily unavailable.
};

typedef struct gh_host gh_host;          ///< The gateway as one plugin instance sees it.
typedef struct gh_exchange gh_exchange;  ///< One request and its response.
typedef struct gh_json gh_json;          ///< A node of a JSON document that the host owns.

#endif
