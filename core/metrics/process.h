#pragma once

#include <cstdint>
#include <optional>

#include "core/metrics/metrics.h"

namespace gatehouse::core {

/// What this process uses. Nothing: /proc cannot be read.
std::optional<std::int64_t> resident_bytes();
std::optional<std::int64_t> open_descriptors();
std::int64_t max_descriptors();

/// Sets the metrics of the process, under the names that the client libraries of Prometheus use.
void set_process_metrics(Metrics& metrics);

}  // namespace gatehouse::core
