/// gatehouse.trace/1: for plugins that trace requests.
#ifndef GATEHOUSE_ABI_EXT_TRACE_H
#define GATEHOUSE_ABI_EXT_TRACE_H

#include "gatehouse/abi/event.h"
#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_TRACE_1 "gatehouse.trace/1"

/// Places in the pipeline at which an instance is called beside its own.
enum {
  /// Directly below the ingress plugin, for each chat: all events of its response pass.
  GH_AROUND_CHATS = 1,
  /// Directly above each provider (GH_PLUGIN_PROVIDER): once for each attempt of a retry and each
  /// step of a tool loop.
  GH_AROUND_MODELS
};

typedef struct gh_trace_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// Replaces GH_TRACE of this request, which upstream calls send from now on; views of the old one
  /// end. GH_INVALID: it is no traceparent of version 00.
  gh_status (*set)(gh_exchange*, gh_str traceparent);
  /// [create() only] Calls handle(self, ...) at that place too, as if this instance stood there as
  /// well, with its `when`.
  void (*around)(const gh_host*, int place,
                 gh_status (*handle)(void* self, gh_exchange*, const gh_sink* out,
                                     const gh_next* next),
                 void* self);
} gh_trace_api;

#ifdef __cplusplus
}
#endif
#endif
