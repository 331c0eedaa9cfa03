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
  /// JSON. Of its members `paths`, `components` and `security` count. A path is written as it was
  /// claimed, with {name} in place of the `*`; operations of routes that the instance has not
  /// claimed are left out. `security` is required of all routes of instances below.
  void (*describe)(const gh_host*, gh_str document);
  /// The OpenAPI 3.1 document of the whole pipeline, as JSON. A route without a description has one
  /// with method and path alone.
  void (*document)(const gh_host*, void* to, void (*append)(void* to, gh_str json));
} gh_openapi_api;

#ifdef __cplusplus
}
#endif
#endif
