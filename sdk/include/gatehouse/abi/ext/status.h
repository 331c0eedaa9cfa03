/// gatehouse.status/1: what the gateway knows about itself.
#ifndef GATEHOUSE_ABI_EXT_STATUS_H
#define GATEHOUSE_ABI_EXT_STATUS_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_STATUS_1 "gatehouse.status/1"

typedef struct gh_status_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// Fills `into` with version, uptime_ms, draining, running, connections, store, reload and
  /// plugins; sdk/README.md lists their members.
  void (*report)(const gh_host*, gh_json* into);
  /// All series in the Prometheus text format, version 0.0.4.
  void (*metrics)(const gh_host*, void* to, void (*append)(void* to, gh_str text));
  /// The time that each plugin has taken so far, without those that it called, as the value of a
  /// Server-Timing header (W3C Server Timing): before next() of those above, after it of all that
  /// took part.
  void (*timing)(const gh_host*, const gh_exchange*, void* to,
                 void (*append)(void* to, gh_str text));
} gh_status_api;

#ifdef __cplusplus
}
#endif
#endif
