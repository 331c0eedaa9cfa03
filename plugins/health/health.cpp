#include "health.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "schema.h"

namespace gatehouse::plugins::health {
namespace {

constexpr View kHealthWords[] = {"healthy", "degraded",
                                 "unhealthy"};  // of GH_UP, GH_DEGRADED and GH_DOWN

constexpr View kMemory = "memory";

int state_of(Json reported) {
  const View state = reported["state"].str();
  return state == "down" ? GH_DOWN : state == "degraded" ? GH_DEGRADED : GH_UP;
}

/// As JavaScript writes dates: 2025-01-31T12:00:00.000Z.
std::string iso_date(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  char text[40];
  const std::size_t date = std::strftime(text, sizeof text, "%FT%T", gmtime_r(&seconds, &utc));
  std::snprintf(text + date, sizeof text - date, ".%03dZ", static_cast<int>(ms % 1000));
  return text;
}

double one_decimal(double value) { return std::round(value * 10) / 10; }

}  // namespace

Health::Health(Host host, Json config, std::string root)
    : host_(host),
      status_(host),
      health_(host.route("GET", "/health")),
      detailed_(host.route("GET", "/health/detailed")),
      livez_(host.route("GET", "/livez")),
      readyz_(host.route("GET", "/readyz")),
      environment_(config["environment"].str("production")),
      root_(std::move(root)),
      memory_warning_(config["memory_warning"].real(75)),
      memory_critical_(config["memory_critical"].real(90)) {
  if (memory_warning_ > memory_critical_)
    host.problem("/memory_warning", "must not be above memory_critical");
}

Status Health::handle(Exchange& x, Sink& out, Next& next) {
  const int route = x.route();
  if (route != health_ && route != detailed_ && route != livez_ && route != readyz_)
    return next(x, out);

  x.set_header("Cache-Control", "no-store");
  if (route == livez_) return x.reply(out, 200, "text/plain; charset=utf-8", "ok");
  const Document report;
  status_.report(report.root());
  return route == readyz_ ? tell_readiness(x, out, report.root(), memory())
                          : tell(x, out, report.root(), memory());
}

/// Files are read at most once a second, however often somebody asks.
Memory Health::memory() {
  const std::lock_guard lock(mutex_);
  const auto now = host_.now();
  if (!memory_read_ || now - *memory_read_ >= std::chrono::seconds(1)) {
    memory_ = read_memory(root_);
    memory_read_ = now;
  }
  return memory_;
}

std::vector<Health::Check> Health::check(Json report, const Memory& memory) const {
  const Json plugins = report["plugins"];
  return {check_plugins("geminiApi", plugins, [](View plugin) { return plugin == "gemini"; }),
          check_plugins("mcpClients", plugins, [](View plugin) { return plugin == "mcp"; }),
          check_plugins("plugins", plugins,
                        [](View plugin) { return plugin != "gemini" && plugin != "mcp"; }),
          check_store(report["store"]), check_memory(memory)};
}

/// How the worst instance of the plugins is that `belongs` picks, and what all that are not well
/// say.
template <class F>
Health::Check Health::check_plugins(View name, Json plugins, F belongs) {
  Check check{name, GH_UP, {}};
  bool configured = false;
  for (const Json instance : plugins) {
    if (!belongs(instance["plugin"].str())) continue;
    configured = true;
    const int state = state_of(instance);
    if (state == GH_UP) continue;
    check.state = std::max(check.state, state);
    check.message.append(check.message.empty() ? "" : "; ").append(instance["name"].str());
    if (const View reason = instance["reason"].str(); !reason.empty())
      check.message.append(": ").append(reason);
  }
  if (!configured) check.message = "not configured";
  return check;
}

/// Plugins decide what they do without the store; one that can do nothing then is down itself.
Health::Check Health::check_store(Json store) {
  const int state = state_of(store);
  if (state == GH_UP) return {"store", GH_UP, {}};
  // Why it does not answer may name its address, which only the operator may see. A refusal is a
  // code.
  if (state == GH_DOWN) return {"store", GH_DEGRADED, "it does not answer"};
  return {"store", GH_DEGRADED,
          std::string("it refuses what it is asked: ").append(store["reason"].str())};
}

Health::Check Health::check_memory(const Memory& memory) const {
  const double percent = memory.percent();
  if (percent < memory_warning_) return {kMemory, GH_UP, {}};
  char text[64];
  std::snprintf(text, sizeof text, "%.1f %% of the limit is in use", percent);
  return {kMemory, percent < memory_critical_ ? GH_DEGRADED : GH_DOWN, text};
}

int Health::worst(const std::vector<Check>& checks) {
  return std::max_element(checks.begin(), checks.end(),
                          [](const Check& a, const Check& b) { return a.state < b.state; })
      ->state;
}

Status Health::tell(Exchange& x, Sink& out, Json report, const Memory& memory) const {
  const std::vector<Check> checks = check(report, memory);
  const Document document;
  MutableJson answer = document.root();
  answer.edit("status").set(kHealthWords[worst(checks)]);
  answer.edit("timestamp")
      .set(View(
          iso_date(std::chrono::duration_cast<std::chrono::milliseconds>(host_.wall()).count())));
  answer.edit("uptime").set(report["uptime_ms"].integer());
  MutableJson listed = answer.edit("checks");
  for (const Check& c : checks) {
    MutableJson told = listed.edit(c.name);
    told.edit("status").set(kHealthWords[c.state]);
    if (!c.message.empty()) told.edit("message").set(View(c.message));
  }
  if (x.route() == detailed_) describe(report, memory, answer.edit("details"));
  return x.reply(out, 200, "application/json", document.root().dump());
}

void Health::describe(Json report, const Memory& memory, MutableJson details) const {
  const auto copy = [](Json from, MutableJson to, std::initializer_list<View> names) {
    for (const View name : names) {
      if (from[name]) to.edit(name).set(from[name]);
    }
  };
  // Named one by one: the report is for the operator and has more, this is for anyone.
  copy(report, details, {"version", "platform", "draining", "running", "connections"});
  copy(report["store"], details.edit("store"), {"kind", "state"});
  details.edit("environment").set(View(environment_));
  MutableJson used = details.edit("memory");
  used.edit("rss").set(memory.rss);
  used.edit("limit").set(memory.limit);
  used.edit("percent").set(one_decimal(memory.percent()));
  if (const Json reload = report["reload"]) {
    MutableJson told = details.edit("reload");
    told.edit("ok").set(reload["ok"]);
    told.edit("at").set(View(iso_date(reload["at_ms"].integer())));
  }
  MutableJson plugins = details.edit("plugins");
  plugins.set_array();
  for (const Json instance : report["plugins"]) {
    MutableJson told = plugins.push();
    copy(instance, told, {"name", "plugin", "version", "state", "reason"});
    told.edit("since").set(View(iso_date(instance["since_ms"].integer())));
  }
}

/// In the words of the Kubernetes API server, which people know how to read. Plugins do not decide
/// whether the gateway is ready: they hear of their upstreams by requests, so one that is kept from
/// requests would never hear that its upstream is back.
Status Health::tell_readiness(Exchange& x, Sink& out, Json report, const Memory& memory) const {
  const bool draining = report["draining"].boolean();
  const bool exhausted = check_memory(memory).state == GH_DOWN;
  const bool ready = !draining && !exhausted;
  if (ready && x.query() != "verbose") return x.reply(out, 200, "text/plain; charset=utf-8", "ok");

  std::string text;
  for (const Check& c : check(report, memory)) {
    const bool failed = exhausted && c.name == kMemory;
    text.append(failed ? "[-]" : "[+]").append(c.name).append(" ");
    text.append(failed ? "failed" : c.state == GH_UP ? "ok" : kHealthWords[c.state]);
    text.append(c.message.empty() ? "" : ": ").append(c.message).append("\n");
  }
  text.append(draining ? "[-]shutdown failed: the gateway is shutting down\n" : "[+]shutdown ok\n");
  text.append(ready ? "readyz check passed\n" : "readyz check failed\n");
  return x.reply(out, ready ? 200 : 503, "text/plain; charset=utf-8", text);
}

}  // namespace gatehouse::plugins::health

GATEHOUSE_PLUGIN(gatehouse::plugins::health::Health, "health", "1.0.0",
                 "How the gateway is: GET /health, /livez, /readyz", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_PROBES)
