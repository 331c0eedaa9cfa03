/// gatehouse.models/1 [1.1]: which models requests may ask for, said before there are requests, so
/// that a provider can tell the operator at `gatehouse check` what it knows of them.
#ifndef GATEHOUSE_MODELS_H
#define GATEHOUSE_MODELS_H

#include "gatehouse/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_MODELS_1 "gatehouse.models/1"

/// [create() only]
typedef struct gh_models_api {
  uint32_t size;
  /// The operator lets requests of this instance ask for the model.
  void (*offer)(const gh_host*, gh_str model);
  /// Calls each() for each model that instances before this one have offered, in their order and
  /// once.
  void (*offered)(const gh_host*, void* to, void (*each)(void* to, gh_str model));
} gh_models_api;

#ifdef __cplusplus
}
#endif
#endif
