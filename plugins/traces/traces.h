#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "exporter.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::traces {

/// Exports traces to an OpenTelemetry collector: a span for each HTTP request that passes, with one
/// for each call of a model and each tool that the gateway runs below it. No content is exported.
class Traces final : public Plugin {
 public:
  Traces(Host host, Json config);

  /// The span of the request.
  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  /// Directly below the ingress plugin: the spans of tools.
  Status chat(Exchange& x, Sink& out, Next& next);
  /// Directly above a provider: the span of a call of the model.
  Status model(Exchange& x, Sink& out, Next& next);
  void send(Exchange& x) { exporter_.run(x); }
  bool is_chosen(View trace_id) const;

  const Host host_;
  const TraceContext context_;
  const double ratio_;
  Exporter exporter_;

  std::mutex mutex_;
  // Guarded by mutex_. Parents of the spans of model calls that are running, by their ids.
  std::unordered_map<std::string, std::string> models_;
};

}  // namespace gatehouse::plugins::traces
