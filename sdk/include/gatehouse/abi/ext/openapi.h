/// gatehouse.openapi/1: the OpenAPI document of the routes that the plugins of a pipeline claim.
#ifndef GATEHOUSE_ABI_EXT_OPENAPI_H
#define GATEHOUSE_ABI_EXT_OPENAPI_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_OPENAPI_1 "gatehouse.openapi/1"

typedef struct gh_openapi_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// [create() only] Describes the routes of this instance by a part of an OpenAPI 3.1 document, as
  /// JSON. Of its members these count: `paths`, written as they were claimed, with {name} in place
  /// of the `*`, without those that the instance has not claimed; `components`; `security`, which
  /// is required of all routes of instances below, or of those whose path begins with an element
  /// of `x-guarded-paths`, an array of texts.
  void (*describe)(const gh_host*, gh_str document);
  /// The OpenAPI 3.1 document of the whole pipeline, as JSON. A route without a description has one
  /// with method and path alone.
  void (*document)(const gh_host*, void* to, void (*append)(void* to, gh_str json));
} gh_openapi_api;

#ifdef __cplusplus
}
#endif
#endif
