#include <sys/utsname.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "core/json/node.h"
#include "core/metrics/process.h"
#include "core/pipeline/pipeline.h"
#include "core/version.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

/// A member of a report that is being written.
struct Member {
  gh_json* node;

  Member operator[](std::string_view key) const { return {json_api().edit(node, raw(key))}; }
  Member push() const { return {json_api().push(node)}; }
  void operator=(std::string_view text) const { json_api().set_str(node, raw(text)); }
  void operator=(const char* text) const { *this = std::string_view(text); }
  void operator=(bool value) const { json_api().set_bool(node, value); }
  void operator=(std::int64_t value) const { json_api().set_int(node, value); }
  void operator=(std::uint64_t value) const { *this = static_cast<std::int64_t>(value); }
  void operator=(double value) const { json_api().set_real(node, value); }
};

constexpr const char* kStates[] = {"up", "degraded", "down"};

std::int64_t ms(auto time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

void report_store(const Member& out, Store& store) {
  const Store::State state = store.state();
  out["kind"] = store.kind();
  out["state"] = kStates[state.kind];
  if (!state.reason.empty()) out["reason"] = std::string_view(state.reason);
}

void report_process(const Member& out) {
  if (const auto bytes = resident_bytes()) out["resident_bytes"] = *bytes;
  if (const auto count = open_descriptors()) out["open_fds"] = *count;
  out["max_fds"] = max_descriptors();
}

void report_route(const Member& out, const Route& route) {
  out["method"] = std::string_view(route.method);
  out["path"] = std::string_view(route.path);
  out["summary"] = std::string_view(route.summary);
}

void report_reload(const Member& out, const Reloads::Outcome& reload) {
  JsonArena arena;
  std::string_view error;
  std::string problems = to_text(nlohmann::ordered_json(reload.problems));
  json_api().copy(out.node, arena.parse(std::move(problems), error));
  out["at_ms"] = reload.at_ms;
  out["ok"] = reload.ok();
}

std::string text_by(auto fill) {
  JsonArena arena;
  gh_json* const root = arena.make();
  fill(root);
  std::string text;
  dump(root, text);
  return text;
}

}  // namespace

void Pipeline::report_layer(const Layer& layer, gh_json* into) {
  const auto health = layer.instance->health();
  const Member out{into};
  out["name"] = std::string_view(layer.instance->name());
  out["plugin"] = layer.instance->plugin().name;
  out["version"] = layer.instance->plugin().version;
  out["place"] = std::string_view(layer.place);
  out["state"] = kStates[health.state];
  if (!health.reason.empty()) out["reason"] = std::string_view(health.reason);
  out["since_ms"] = ms(health.since.time_since_epoch());
  const CallCounts& counts = *layer.counts;
  out["calls"] = counts[CallCounts::kCalls];
  out["failures"] = counts[CallCounts::kFailures];
  out["short_circuits"] = counts[CallCounts::kShortCircuits];
  out["seconds"] = seconds(counts[CallCounts::kTotalNs]);
  out["self_seconds"] = seconds(counts[CallCounts::kSelfNs]);
}

void Pipeline::report(gh_json* into) const {
  utsname system{};
  ::uname(&system);
  const Gateway::Traffic traffic = gateway_.traffic();
  const Member out{into};
  out["version"] = kVersion;
  out["platform"] = std::string_view(std::string(system.sysname) + " " + system.machine);
  out["uptime_ms"] = ms(Clock::now() - gateway_.started);
  out["draining"] = traffic.draining;
  out["running"] = traffic.running;
  out["max_running"] = max_running_;
  out["connections"] = traffic.connections;
  report_store(out["store"], *gateway_.store);
  if (const auto reload = gateway_.reloads.last()) report_reload(out["reload"], *reload);
  for (const auto& layer : layers_) report_layer(*layer, out["plugins"].push().node);
}

std::string Pipeline::report_to_operator() const {
  return text_by([this](gh_json* into) {
    report(into);
    const Member out{into};
    out["log_level"] = gateway_.log.level();
    report_process(out["process"]);
    for (const auto& route : admin_routes_) report_route(out["admin_routes"].push(), route);
  });
}

std::string Pipeline::report() const {
  return text_by([this](gh_json* into) { report(into); });
}

}  // namespace gatehouse::core
