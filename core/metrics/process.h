#pragma once

#include "core/metrics/metrics.h"

namespace gatehouse::core {

/// Sets the metrics of the process, under the names that Prometheus' own clients give them.
void set_process_metrics(Metrics& metrics);

}  // namespace gatehouse::core
