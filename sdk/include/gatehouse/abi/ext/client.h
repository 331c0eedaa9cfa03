/// gatehouse.client/1: what the gateway knows of a request's client.
#ifndef GATEHOUSE_ABI_EXT_CLIENT_H
#define GATEHOUSE_ABI_EXT_CLIENT_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_CLIENT_1 "gatehouse.client/1"

typedef struct gh_client_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// Whether the client has disconnected, or has read nothing for `server.send_timeout`. Neither
  /// waits nor flushes, so wanted() of gh_share_api may call it: while a response outlives its
  /// client, no wait and no event reports this. A system call. On the exchange's thread; 0 for work
  /// that has no client.
  int (*has_left)(gh_exchange*);
} gh_client_api;

#ifdef __cplusplus
}
#endif
#endif
