/// gatehouse.failures/1: responses that report failures in the form of the API that a plugin
/// serves.
#ifndef GATEHOUSE_ABI_EXT_FAILURES_H
#define GATEHOUSE_ABI_EXT_FAILURES_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_FAILURES_1 "gatehouse.failures/1"

typedef struct gh_failures_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// [create() only] Has the instance write the body of each response that reports a failure of a
  /// request below `path`, in which one `*` matches one or more characters, and that has the
  /// request header `header`, unless that is empty: failures of other plugins, paths that nobody
  /// has claimed, and requests that the server rejects before any plugin is called. Of several
  /// claims those with a header go before those without, then the longer path goes first, then the
  /// plugin that stands first; its `when` counts. A response that has begun is not concerned.
  ///
  /// render() calls append(to, bytes) with the body. Status, Content-Type (application/json) and
  /// Retry-After are set by then; it may change them and other headers. It must not wait, read the
  /// body or fail. [many threads at once]
  void (*render)(const gh_host*, gh_str path, gh_str header,
                 void (*render)(void* self, gh_exchange*, const gh_failure*, void* to,
                                void (*append)(void* to, gh_str bytes)),
                 void* self);
} gh_failures_api;

#ifdef __cplusplus
}
#endif
#endif
