#include "checks.h"

#include <algorithm>
#include <cstdio>

namespace gatehouse::plugins::health {
namespace {

constexpr View kOthers = "plugins", kStore = "store", kMemory = "memory";
constexpr View kShutdown = "shutdown";  // of GET /readyz

int state_of(Json reported) {
  const View state = reported["state"].str();
  if (state == "down") return GH_DOWN;
  return state == "degraded" ? GH_DEGRADED : GH_UP;
}

/// The state of the worst of the instances that `belongs` selects, and the names and reasons of
/// those that are not up.
template <class F>
Check check_instances(View name, Json instances, F belongs) {
  Check check{name, GH_UP, {}};
  bool is_configured = false;
  for (const Json instance : instances) {
    if (!belongs(instance["name"].str())) continue;
    is_configured = true;
    const int state = state_of(instance);
    if (state == GH_UP) continue;
    check.state = std::max(check.state, state);
    check.message.append(check.message.empty() ? "" : "; ").append(instance["name"].str());
    if (const View reason = instance["reason"].str(); !reason.empty())
      check.message.append(": ").append(reason);
  }
  if (!is_configured) check.message = "not configured";
  return check;
}

/// Degraded at most: plugins decide what they do without the store, and one that can do nothing
/// then is down itself.
Check check_store(Json store) {
  const int state = state_of(store);
  if (state == GH_UP) return {kStore, GH_UP, {}};
  // The reason of an outage may have the address of the store, which only the operator may see. An
  // error of the store is a code, such as READONLY.
  if (state == GH_DOWN) return {kStore, GH_DEGRADED, "unavailable"};
  return {kStore, GH_DEGRADED, "rejects commands: " + std::string(store["reason"].str())};
}

bool contains(const std::vector<std::string>& texts, View text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

Checks::Checks(Host host, Json config)
    : memory_warning_(config["memory_warning"].real()),
      memory_critical_(config["memory_critical"].real()) {
  if (memory_warning_ > memory_critical_)
    host.problem("/memory_critical", std::string("must not be below memory_warning, which is ")
                                         .append(config["memory_warning"].dump()));
  for (const auto [name, instances] : config["checks"].members()) {
    Group& group = groups_.emplace_back(Group{std::string(name), {}});
    for (const Json instance : instances) group.instances.emplace_back(instance.str());
    if (name == kOthers || name == kStore || name == kMemory || name == kShutdown)
      host.problem("/checks/" + group.name, "is the name of a built-in check: choose another");
  }
}

std::vector<Check> Checks::run(Json report, const Memory& memory) const {
  const Json instances = report["plugins"];
  std::vector<Check> checks;
  for (const Group& group : groups_) {
    checks.push_back(check_instances(group.name, instances,
                                     [&](View name) { return contains(group.instances, name); }));
  }
  checks.push_back(
      check_instances(kOthers, instances, [this](View name) { return !is_in_a_group(name); }));
  checks.push_back(check_store(report["store"]));
  checks.push_back(check_memory(memory));
  return checks;
}

bool Checks::is_in_a_group(View instance) const {
  return std::any_of(groups_.begin(), groups_.end(),
                     [&](const Group& group) { return contains(group.instances, instance); });
}

Check Checks::check_memory(const Memory& memory) const {
  const double percent = memory.percent();
  if (percent < memory_warning_) return {kMemory, GH_UP, {}};
  char text[64];
  std::snprintf(text, sizeof text, "%.1f %% of the limit is in use", percent);
  return {kMemory, percent < memory_critical_ ? GH_DEGRADED : GH_DOWN, text};
}

}  // namespace gatehouse::plugins::health
