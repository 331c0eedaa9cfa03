/// gatehouse.store/1: what outlives a request and a reload.
#ifndef GATEHOUSE_ABI_EXT_STORE_H
#define GATEHOUSE_ABI_EXT_STORE_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_STORE_1 "gatehouse.store/1"

/// At most `limit` units in any span of `window_ns`. Fixed size for ever: `reserved` is 0.
typedef struct gh_quota {
  gh_str key;
  int64_t limit;
  int64_t window_ns;
  int64_t cost;       ///< Units that this call takes: 1 to `limit`.
  int64_t remaining;  ///< Out: units left; -1: this quota refused.
  /// Out: time until the oldest take no longer counts; when refused: until this cost can succeed.
  int64_t reset_ns;
  uint64_t reserved[2];
} gh_quota;

/// Shared by all gateways with the same `store`, or in the memory of this process. Keys are at most
/// 4096 bytes of any kind; each instance name has its own. A key is for one thing, a value, a
/// counter or a quota (else GH_INVALID). Any thread. `x` is the exchange that the call is for, or
/// NULL. A store that is out of order returns GH_UNAVAILABLE within 250 ms; a value has the time
/// that its size needs in addition.
typedef struct gh_store_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// GH_OK after one call of append with the value, or GH_ABSENT.
  gh_status (*get)(const gh_host*, gh_exchange* x, gh_str key, void* to,
                   void (*append)(void* to, gh_str value));
  /// ttl_ns: 1 ms to 366 days. GH_INVALID: too large for this store.
  gh_status (*put)(const gh_host*, gh_exchange* x, gh_str key, gh_str value, int64_t ttl_ns);
  /// Adds to a counter that starts at 0 and ends ttl_ns after its start. *total is the sum.
  gh_status (*add)(const gh_host*, gh_exchange* x, gh_str key, int64_t by, int64_t ttl_ns,
                   int64_t* total);
  /// Takes its cost from each of up to 16 quotas with different keys, or nothing from any
  /// (GH_ABSENT). GH_INVALID: a cost is above its limit, or a limit above max_limit().
  gh_status (*take)(const gh_host*, gh_exchange* x, gh_quota* quotas, size_t count);
  gh_status (*erase)(const gh_host*, gh_exchange* x, gh_str key);
  /// Erases all keys of this instance that begin with `prefix`.
  gh_status (*clear)(const gh_host*, gh_exchange* x, gh_str prefix);
  /// As take(), in the memory of this process, which also counts all that take() has granted
  /// through this gateway: for when the store is unavailable. Each gateway then grants at most the
  /// limit.
  gh_status (*take_here)(const gh_host*, gh_exchange* x, gh_quota* quotas, size_t count);
  /// The highest limit that this store can count. Above 1000, takes may count 0.1 % too long.
  int64_t (*max_limit)(const gh_host*);
} gh_store_api;

#ifdef __cplusplus
}
#endif
#endif
