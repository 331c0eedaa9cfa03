#include "core/metrics/metrics.h"

#include <chrono>
#include <string>

#include "core/metrics/process.h"
#include "core/pipeline/pipeline.h"
#include "core/version.h"

namespace gatehouse::core {
namespace {

/// Sets numbers that are kept elsewhere, when somebody reads them.
struct Setter {
  Metrics& metrics;

  void operator()(Metrics::Kind kind, const char* name, const char* help, double value,
                  const Metrics::Labels& labels = {}) const {
    metrics.set(metrics.series(kind, name, help, labels), value);
  }
};

void set_gateway_metrics(const Setter& set, Gateway& gateway) {
  const Gateway::Traffic traffic = gateway.traffic();
  const auto reload = gateway.reloads.last();
  const auto uptime = std::chrono::duration<double>(Clock::now() - gateway.started);
  set(Metrics::kGauge, "gatehouse_build_info", "The version, as a label.", 1,
      {{"version", kVersion}});
  set(Metrics::kGauge, "gatehouse_uptime_seconds", "Seconds since start.", uptime.count());
  set(Metrics::kGauge, "gatehouse_connections", "Open client connections.",
      static_cast<double>(traffic.connections));
  set(Metrics::kGauge, "gatehouse_requests_running", "Requests in progress.",
      static_cast<double>(traffic.running));
  set(Metrics::kGauge, "gatehouse_draining", "1 while the gateway shuts down.", traffic.draining);
  set(Metrics::kGauge, "gatehouse_store_up", "1 if the store works.", gateway.store->up());
  set(Metrics::kGauge, "gatehouse_config_last_reload_successful",
      "1 unless the last reload of the configuration failed.", !reload || reload->ok());
  set(Metrics::kCounter, "gatehouse_log_dropped_total",
      "Log records dropped because the output was too slow.",
      static_cast<double>(gateway.log.dropped()));
}

}  // namespace

void Pipeline::set_layer_metrics(const Layer& layer) const {
  const Setter set{gateway_.metrics};
  const Metrics::Labels plugin = {{"plugin", layer.instance->name()}};
  const CallCounts& counts = *layer.counts;
  const auto count = [&](const char* name, const char* help, CallCounts::Name of) {
    set(Metrics::kCounter, name, help, static_cast<double>(counts[of]), plugin);
  };
  const auto time = [&](const char* name, const char* help, CallCounts::Name of) {
    set(Metrics::kCounter, name, help, static_cast<double>(counts[of]) / 1e9, plugin);
  };
  count("gatehouse_plugin_calls_total", "Calls of the plugin.", CallCounts::kCalls);
  count("gatehouse_plugin_failures_total", "Calls that failed, in the plugin or below it.",
        CallCounts::kFailures);
  count("gatehouse_plugin_short_circuits_total", "Calls that did not call the next plugin.",
        CallCounts::kShortCircuits);
  count("gatehouse_plugin_answers_total", "Calls that emitted a response.", CallCounts::kAnswers);
  time("gatehouse_plugin_seconds_total", "Seconds in the plugin and below it.",
       CallCounts::kTotalNs);
  time("gatehouse_plugin_self_seconds_total", "Seconds in the plugin itself.", CallCounts::kSelfNs);
  time("gatehouse_plugin_first_event_seconds_total",
       "Seconds until the first event of the response, of the calls that had one.",
       CallCounts::kFirstEventNs);
}

void Pipeline::metrics(std::string& out) const {
  set_process_metrics(gateway_.metrics);
  set_gateway_metrics({gateway_.metrics}, gateway_);
  for (const auto& layer : layers_) set_layer_metrics(*layer);
  gateway_.metrics.write(out);
}

}  // namespace gatehouse::core
