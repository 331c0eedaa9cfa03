/// gatehouse.share/1: one response for several requests.
#ifndef GATEHOUSE_ABI_EXT_SHARE_H
#define GATEHOUSE_ABI_EXT_SHARE_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_SHARE_1 "gatehouse.share/1"

typedef struct gh_share_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// While wanted() returns true, other requests share this response, so its client must neither
  /// slow nor end it: output that it cannot take yet is buffered, and after a disconnect emit()
  /// returns GH_STOP while waits go on. Called on the exchange's thread when the client has
  /// disconnected or does not read, then at least every 100 ms of waiting. wanted == NULL ends
  /// this.
  void (*outlive)(gh_exchange*, int (*wanted)(void* self), void* self);
} gh_share_api;

#ifdef __cplusplus
}
#endif
#endif
