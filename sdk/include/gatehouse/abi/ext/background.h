/// gatehouse.background/1: work that belongs to no request.
#ifndef GATEHOUSE_ABI_EXT_BACKGROUND_H
#define GATEHOUSE_ABI_EXT_BACKGROUND_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_BACKGROUND_1 "gatehouse.background/1"

typedef struct gh_background_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// [create() only] Calls run() on a thread of its own once the instance serves. Its exchange has
  /// no request, no client, no deadline and no `out`. Its waits return GH_CANCELLED when the
  /// instance is about to be destroyed, which waits for run() to return.
  void (*run)(const gh_host*, void (*run)(void* self, gh_exchange*), void* self);
  /// [in run()] For a last message to an upstream after GH_CANCELLED: for `ns` from now, at most
  /// 5 s, waits no longer end because the instance does.
  void (*linger)(gh_exchange*, int64_t ns);
} gh_background_api;

#ifdef __cplusplus
}
#endif
#endif
