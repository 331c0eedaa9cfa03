/// gatehouse.models/1: which models requests may name, known before there are requests.
#ifndef GATEHOUSE_ABI_EXT_MODELS_H
#define GATEHOUSE_ABI_EXT_MODELS_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_MODELS_1 "gatehouse.models/1"

/// [create() only]
typedef struct gh_models_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// Requests of this instance may name the model.
  void (*offer)(const gh_host*, gh_str model);
  /// Calls each() once for each model that instances above have offered, in their order, and for
  /// each that they lead to this instance, so that a provider can warn the operator of models that
  /// it does not know.
  void (*offered)(const gh_host*, void* to, void (*each)(void* to, gh_str model));
  /// Requests for `name` go on as requests for `model` to the provider instance `provider`, which
  /// stands below; further calls for the same name are those tried after it. `name` is no longer
  /// offered to the providers below, `model` is, to that instance alone. A `*` in `name` or `model`
  /// stands for any rest. When there is no such provider the operator gets a problem.
  void (*lead)(const gh_host*, gh_str name, gh_str provider, gh_str model);
} gh_models_api;

#ifdef __cplusplus
}
#endif
#endif
