/// gatehouse.metrics/1: numbers of GET /metrics.
#ifndef GATEHOUSE_ABI_EXT_METRICS_H
#define GATEHOUSE_ABI_EXT_METRICS_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_METRICS_1 "gatehouse.metrics/1"

/// Kinds of series.
enum {
  GH_COUNTER,  ///< Only grows; record() adds. Its name ends in _total.
  GH_GAUGE,    ///< record() sets it.
  GH_SECONDS,  ///< A histogram of durations: 1.25 ms, doubling, to 81.92 s. Name ends in _seconds.
  GH_TOKENS    ///< A histogram of token counts: 1, times four, to 67108864.
};

typedef struct gh_label {
  gh_str name, value;
} gh_label;

typedef struct gh_metrics_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// Finds or creates a series; a look-up, so keep the number. `name` is the whole name, with its
  /// unit (https://prometheus.io/docs/practices/naming/). All series of a name have one
  /// `kind`, else -1, and should have one `help` and the same label names: of several texts the
  /// last is written. Label values are few and never come from a client: those beyond 200 series of
  /// a name are counted together as "other".
  int32_t (*series)(const gh_host*, int kind, gh_str name, gh_str help, const gh_label* labels,
                    size_t count);
  void (*record)(const gh_host*, int32_t series, double value);
} gh_metrics_api;

#ifdef __cplusplus
}
#endif
#endif
