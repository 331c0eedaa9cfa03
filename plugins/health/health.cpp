#include "health.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "schema.h"

namespace gatehouse::plugins::health {
namespace {

constexpr View kText = "text/plain; charset=utf-8";

View word_of(int state);
int worst(const std::vector<Check>& checks);
std::string lines_of(const std::vector<Check>& checks, bool has_memory_failed);
void copy_members(Json from, MutableJson to, std::initializer_list<View> names);
std::string iso_date(std::int64_t ms);
Status reply(Exchange& x, Sink& out, int status, View content_type, View body);

}  // namespace

Health::Health(Host host, Json config, std::string root)
    : host_(host),
      status_(host),
      checks_(host, config),
      environment_(config["environment"].str()),
      root_(std::move(root)) {
  OpenApi(host).describe(GATEHOUSE_OPENAPI);
  host.route<&Health::health>(this, "GET", "/health");
  host.route<&Health::detailed>(this, "GET", "/health/detailed");
  host.route<&Health::livez>(this, "GET", "/livez");
  host.route<&Health::readyz>(this, "GET", "/readyz");
}

Status Health::health(Exchange& x, Sink& out) {
  return reply(x, out, 200, "application/json", summary());
}

Status Health::detailed(Exchange& x, Sink& out) {
  const Document known = report(), response;
  const Memory used = memory();
  summarize(known.root(), used, response.root());
  describe(known.root(), used, response.root().edit("details"));
  return reply(x, out, 200, "application/json", response.root().dump());
}

Status Health::livez(Exchange& x, Sink& out) { return reply(x, out, 200, kText, "ok"); }

/// In the format of the Kubernetes API server, which operators know. Plugins do not make the
/// gateway unready: they learn the state of their upstreams from requests, so one that gets none
/// would never learn that its upstream has recovered.
Status Health::readyz(Exchange& x, Sink& out) {
  const Document known = report();
  const Memory used = memory();
  const bool is_draining = known.root()["draining"].boolean();
  const bool is_exhausted = checks_.check_memory(used).state == GH_DOWN;
  const bool is_ready = !is_draining && !is_exhausted;
  if (is_ready && x.query() != "verbose") return reply(x, out, 200, kText, "ok");

  std::string text = lines_of(checks_.run(known.root(), used), is_exhausted);
  text.append(is_draining ? "[-]shutdown failed: the gateway is shutting down\n"
                          : "[+]shutdown ok\n");
  text.append(is_ready ? "readyz check passed\n" : "readyz check failed\n");
  return reply(x, out, is_ready ? 200 : 503, kText, text);
}

/// Collects the state of all plugins at most 100 times a second, however many requests there are.
std::string Health::summary() {
  const std::lock_guard lock(summary_mutex_);
  const auto now = host_.now();
  if (!summary_made_ || now - *summary_made_ >= std::chrono::milliseconds(10)) {
    const Document response;
    summarize(report().root(), memory(), response.root());
    summary_ = response.root().dump();
    summary_made_ = now;
  }
  return summary_;
}

Document Health::report() const {
  Document out;
  status_.report(out.root());
  return out;
}

/// Reads files at most once a second, however many requests there are.
Memory Health::memory() {
  const std::lock_guard lock(mutex_);
  const auto now = host_.now();
  if (!memory_read_ || now - *memory_read_ >= std::chrono::seconds(1)) {
    memory_ = read_memory(root_);
    memory_read_ = now;
  }
  return memory_;
}

void Health::summarize(Json report, const Memory& memory, MutableJson into) const {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(host_.wall());
  const std::vector<Check> checks = checks_.run(report, memory);
  into.edit("status").set(word_of(worst(checks)));
  into.edit("timestamp").set(View(iso_date(now.count())));
  into.edit("uptime").set(report["uptime_ms"].integer());
  for (const Check& check : checks) {
    MutableJson result = into.edit("checks").edit(check.name);
    result.edit("status").set(word_of(check.state));
    if (!check.message.empty()) result.edit("message").set(View(check.message));
  }
}

/// Members are named one by one: the report is for the operator and has more, this is for everyone.
void Health::describe(Json report, const Memory& memory, MutableJson into) const {
  copy_members(report, into, {"version", "platform", "draining", "running", "connections"});
  copy_members(report["store"], into.edit("store"), {"kind", "state"});
  into.edit("environment").set(View(environment_));
  MutableJson used = into.edit("memory");
  used.edit("rss").set(memory.rss);
  used.edit("limit").set(memory.limit);
  used.edit("percent").set(std::round(memory.percent() * 10) / 10);
  if (const Json reload = report["reload"]) {
    into.edit("reload").edit("ok").set(reload["ok"]);
    into.edit("reload").edit("at").set(View(iso_date(reload["at_ms"].integer())));
  }
  into.edit("plugins").set_array();
  for (const Json instance : report["plugins"]) {
    MutableJson listed = into.edit("plugins").push();
    copy_members(instance, listed, {"name", "plugin", "version", "state", "reason"});
    listed.edit("since").set(View(iso_date(instance["since_ms"].integer())));
  }
}

namespace {

/// Of GH_UP, GH_DEGRADED or GH_DOWN.
View word_of(int state) {
  constexpr View kWords[] = {"healthy", "degraded", "unhealthy"};
  return kWords[state];
}

int worst(const std::vector<Check>& checks) {
  int state = GH_UP;
  for (const Check& check : checks) state = std::max(state, check.state);
  return state;
}

/// A line for each check; that of memory is the last.
std::string lines_of(const std::vector<Check>& checks, bool has_memory_failed) {
  std::string out;
  for (const Check& check : checks) {
    const bool has_failed = has_memory_failed && &check == &checks.back();
    const View word = check.state == GH_UP ? "ok" : word_of(check.state);
    out.append(has_failed ? "[-]" : "[+]").append(check.name).append(" ");
    out.append(has_failed ? "failed" : word);
    out.append(check.message.empty() ? "" : ": ").append(check.message).append("\n");
  }
  return out;
}

/// The members of these names, except those that are absent.
void copy_members(Json from, MutableJson to, std::initializer_list<View> names) {
  for (const View name : names) {
    if (from[name]) to.edit(name).set(from[name]);
  }
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

Status reply(Exchange& x, Sink& out, int status, View content_type, View body) {
  x.set_header("Cache-Control", "no-store");
  return x.reply(out, status, content_type, body);
}

}  // namespace
}  // namespace gatehouse::plugins::health

GATEHOUSE_PLUGIN(gatehouse::plugins::health::Health, "health", "1.0.0",
                 "Reports the gateway's health: GET /health, /livez, /readyz", GATEHOUSE_SCHEMA,
                 GH_PLUGIN_PROBES | GH_PLUGIN_UNLOADS)
