/// gatehouse.counters/1: several counters of the store, changed together.
#ifndef GATEHOUSE_ABI_EXT_COUNTERS_H
#define GATEHOUSE_ABI_EXT_COUNTERS_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_COUNTERS_1 "gatehouse.counters/1"

/// An addition to one counter of the store (add() in abi/ext/store.h). Fixed size for ever:
/// `reserved` is 0.
typedef struct gh_addition {
  gh_str key;
  int64_t by;      ///< What is added; below 0: given back. At most 10^15 either way.
  int64_t ttl_ns;  ///< As that of add().
  int64_t most;    ///< What the counter must not exceed if `by` is above 0; INT64_MAX: nothing.
  int64_t total;   ///< Out: the counter, as the call has left it.
  uint64_t reserved[2];
} gh_addition;

/// To reserve an amount before the work, and to add or give back the difference after it. Any
/// thread. `x` and GH_UNAVAILABLE are as those of gh_store_api.
typedef struct gh_counters_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// Adds to each of up to 64 counters with different keys, or to none (GH_ABSENT): when one that
  /// grows would exceed its `most`.
  gh_status (*add)(const gh_host*, gh_exchange* x, gh_addition* additions, size_t count);
  /// As add(), in the memory of this process, which also counts all that add() has added through
  /// this gateway: for when the store is unavailable. Each gateway then adds up to `most`.
  gh_status (*add_here)(const gh_host*, gh_exchange* x, gh_addition* additions, size_t count);
} gh_counters_api;

#ifdef __cplusplus
}
#endif
#endif
