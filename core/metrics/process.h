#pragma once

#include "core/metrics/metrics.h"

namespace gatehouse::core {

/// Sets the metrics of the process, under the names that the client libraries of Prometheus use.
void set_process_metrics(Metrics& metrics);

}  // namespace gatehouse::core
