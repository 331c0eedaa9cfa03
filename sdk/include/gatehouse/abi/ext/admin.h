/// gatehouse.admin/1: routes of the operator's address.
#ifndef GATEHOUSE_ABI_EXT_ADMIN_H
#define GATEHOUSE_ABI_EXT_ADMIN_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_ADMIN_1 "gatehouse.admin/1"

typedef struct gh_admin_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// [create() only] As route() of the host, on the admin address, whose callers have sent its
  /// token: at "/INSTANCE" + path. Such a request reaches no other plugin, and its `next` fails
  /// with 404. `summary`: one line for tools that list the routes.
  int32_t (*route)(const gh_host*, gh_str method, gh_str path, gh_str summary);
} gh_admin_api;

#ifdef __cplusplus
}
#endif
#endif
