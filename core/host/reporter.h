#pragma once

#include <string>

#include "core/exchange/exchange.h"

namespace gatehouse::core {

/// What gatehouse.status/1 reports: the pipeline that the plugin is part of.
class Reporter {
 public:
  virtual ~Reporter() = default;
  virtual void report(gh_json* into) const = 0;
  /// Appends all metrics in the Prometheus text format.
  virtual void metrics(std::string& out) const = 0;
  /// Appends the OpenAPI document of all routes.
  virtual void openapi(std::string& out) const = 0;
  /// Appends the value of a Server-Timing header.
  virtual void timing(const Exchange& x, std::string& out) const = 0;
};

}  // namespace gatehouse::core
