#include "core/pipeline/pipeline.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/config/suggest.h"
#include "core/loader/loader.h"
#include "core/metrics/process.h"
#include "core/pipeline/order.h"
#include "core/version.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;

/// What to say about a plugin that is not there.
std::string unknown_plugin(const std::string& name, const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".so") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  if (names.empty())
    return "unknown plugin `" + name + "`: there are no plugins in " + folder.string();
  std::string text = "unknown plugin `" + name + "`";
  if (const std::string close = suggest(name, names); !close.empty())
    return text + ": did you mean `" + close + "`?";
  text += ": there are";
  for (const auto& n : names) text += " `" + n + "`";
  return text;
}

fs::path folder_of_plugins(const Config& config) {
  return config.plugins_dir.empty() ? installed_plugins() : fs::path(config.plugins_dir);
}

/// The file of a plugin whose configuration is right; nothing of it has run.
std::optional<PluginFile> find(const Config& config, const PluginEntry& entry, Problems& problems) {
  const fs::path folder = folder_of_plugins(config);
  const fs::path file = entry.file.empty() ? folder / (entry.plugin + ".so") : fs::path(entry.file);
  try {
    PluginFile found(file);
    if (found.note().name != entry.plugin) {
      throw std::runtime_error("is the plugin `" + found.note().name + "`, not `" + entry.plugin +
                               "`");
    }
    if (!found.warning().empty()) problems.warn(entry.place, file.string() + " " + found.warning());
    const auto known = problems.size();
    config.check(entry, found.note().schema, problems);
    if (problems.size() == known && !entry.broken) return found;
  } catch (const std::runtime_error& e) {
    std::error_code unreadable;
    const bool is_unknown = entry.file.empty() && !fs::exists(file, unreadable) && !unreadable;
    problems.add(entry.place, is_unknown ? unknown_plugin(entry.plugin, folder)
                                         : file.string() + " " + e.what());
  }
  return std::nullopt;
}

/// What a plugin says about its configuration. "must be at least 1s" is about the key that
/// `pointer` leads to.
std::string told(const PluginEntry& entry, std::string_view pointer, std::string_view text) {
  const std::string subject = text.starts_with("must ") && !pointer.empty()
                                  ? "`" + std::string(pointer.substr(pointer.rfind('/') + 1)) + "` "
                                  : "";
  return "`" + entry.instance + "`: " + subject + std::string(text);
}

}  // namespace

/// One call of one layer, on the stack of its request, and the sink that the layer is given.
struct Frame : gh_sink {
  Frame(const Pipeline& in, std::size_t at, Exchange& of, const gh_sink* to, Frame* around)
      : gh_sink{sizeof(gh_sink), this, first_event},
        pipeline(in),
        index(at),
        x(of),
        out(to),
        outer(around),
        began(Clock::now()) {
    x.frame = this;
  }
  ~Frame() { x.frame = outer; }
  Frame(const Frame&) = delete;

  /// Notes when the layer's answer began, and steps out of the way of what follows.
  static gh_status first_event(void* self, const gh_event* e) {
    auto& frame = *static_cast<Frame*>(self);
    const gh_sink* const to = frame.out;
    Pipeline::Counts& counts = *frame.pipeline.layers_[frame.index]->counts;
    counts.answers.fetch_add(1, std::memory_order_relaxed);
    counts.first_event_ns.fetch_add(
        static_cast<std::uint64_t>((Clock::now() - frame.began).count()),
        std::memory_order_relaxed);
    const gh_status status = to->emit(to->self, e);
    static_cast<gh_sink&>(frame) = *to;  // which may have stepped aside as well
    return status;
  }

  const std::string& name_of(std::size_t layer) const {
    return pipeline.layers_[layer]->instance->name();
  }

  const Pipeline& pipeline;
  const std::size_t index;
  Exchange& x;
  const gh_sink* const out;
  Frame* const outer;
  const Clock::time_point began;
  Clock::duration inside = {};  // time spent in the layers below
  bool went_on = false;         // called next()
};

std::unique_ptr<Pipeline> Pipeline::build(const Config& config, Gateway& gateway,
                                          Problems& problems) {
  const fs::path folder = folder_of_plugins(config);
  if (const std::string who = others_who_write(folder); !who.empty()) {
    problems.warn(config.place("/plugins_dir"), "the folder of plugins, " + folder.string() +
                                                    ", can be changed by " + who +
                                                    ", who then has the rights of the gateway");
  }
  std::vector<std::optional<PluginFile>> files;
  for (const PluginEntry& entry : config.pipeline) files.push_back(find(config, entry, problems));

  // Even if some are not as they should be, the others are created: they may have more to say.
  std::unique_ptr<Pipeline> pipeline(new Pipeline(gateway));
  const Instance::Surroundings surroundings{gateway, config.folder, pipeline.get(),
                                            config.server.is_exposed()};
  OfferedModels models;
  std::vector<Standing> order;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const PluginEntry& entry = config.pipeline[i];
    Standing& standing = order.emplace_back(Standing{entry, {}, {}});
    if (!files[i]) continue;
    const auto place = [&](std::string_view pointer) {
      return config.place(entry.pointer + std::string(pointer));
    };
    const Instance::Creation creation{pipeline->routes_, pipeline->admin_routes_, models,
                                      [&](std::string_view pointer, std::string_view text) {
                                        problems.add(place(pointer), told(entry, pointer, text));
                                      },
                                      [&](std::string_view pointer, std::string_view text) {
                                        problems.warn(place(pointer), told(entry, pointer, text));
                                      }};
    try {
      const gh_plugin& plugin = files[i]->load();
      if (plugin.abi_minor > 0) standing.flags = plugin.flags;
      auto layer = std::make_unique<Layer>();
      layer->when = entry.when;
      const std::size_t routes = pipeline->routes_.size();
      layer->instance =
          std::make_unique<Instance>(plugin, entry.instance, entry.config, surroundings, creation);
      for (std::size_t r = routes; r < pipeline->routes_.size(); ++r)
        standing.routes.push_back({pipeline->routes_[r].path, {pipeline->routes_[r].method}});
      pipeline->layers_.push_back(std::move(layer));
    } catch (const std::runtime_error& e) {
      problems.add(entry.place, files[i]->path().string() + " " + e.what());
    } catch (...) {
      problems.add(entry.place,
                   files[i]->path().string() + " threw an exception while it was created");
    }
  }
  check_order(config, order, problems);
  return problems.empty() ? std::move(pipeline) : nullptr;
}

bool Pipeline::Layer::takes(const Exchange& x) const {
  if (instance->only_chat() && !x.chat()) return false;
  if (!when) return true;
  const RequestHead& head = x.head();
  const std::string_view path = when->path;
  const bool prefix = !path.empty() && path.back() == '*';
  const bool path_fits = path.empty() || (prefix ? head.path.substr(0, path.size() - 1) ==
                                                       path.substr(0, path.size() - 1)
                                                 : head.path == path);
  return path_fits &&
         (when->methods.empty() || std::find(when->methods.begin(), when->methods.end(),
                                             head.method) != when->methods.end());
}

std::vector<Route>::const_iterator Pipeline::route_of(const RequestHead& head) const {
  const std::string_view method = head.method == "HEAD" ? "GET" : head.method;  // RFC 9110 9.3.2
  const auto first = [&](const auto& leads) {
    return std::find_if(routes_.begin(), routes_.end(),
                        [&](const Route& r) { return r.method == method && leads(r); });
  };
  const auto exact = first([&](const Route& r) { return r.path == head.path; });
  if (exact != routes_.end()) return exact;
  return first([&](const Route& r) { return r.is_pattern() && r.leads_to(head.path); });
}

gh_status Pipeline::run(Exchange& x, const gh_sink& out) const {
  const auto found = route_of(x.head());
  x.route = found == routes_.end() ? -1 : static_cast<int>(found - routes_.begin());
  x.spent.assign(layers_.size(), Clock::duration::zero());
  return call(0, x, &out, nullptr);
}

bool Pipeline::is_probe(const RequestHead& head) const {
  const auto found = route_of(head);
  return found != routes_.end() && Instance::of(found->owner).plugin().flags & GH_PLUGIN_PROBES;
}

gh_status Pipeline::run_admin(Exchange& x, const gh_sink& out) const {
  const auto found = std::find_if(admin_routes_.begin(), admin_routes_.end(), [&](const Route& r) {
    return r.path == x.head().path && r.method == x.head().method;
  });
  if (found == admin_routes_.end())
    return x.fail({404, "not_found", "There is nothing at this path of the admin address.", {}});
  x.route = kFirstAdminRoute - static_cast<int>(found - admin_routes_.begin());
  const auto owner = std::find_if(layers_.begin(), layers_.end(),
                                  [&](const auto& layer) { return layer->instance->owns(*found); });
  const gh_next next{
      sizeof(gh_next), nullptr, [](void*, gh_exchange* raw, const gh_sink*) {
        return Exchange::of(raw).fail(
            {404, "not_found", "There is nothing at this path of the admin address.", {}});
      }};
  return (*owner)->instance->handle(&x, &out, &next);
}

void Pipeline::refused(Exchange& x) const {
  constexpr const char* kHelp = "Requests that the server refused before any plugin was called.";
  Metrics& metrics = gateway_.metrics;
  metrics.record(metrics.series(Metrics::kCounter, "gatehouse_refusals_total", kHelp,
                                {{"code", x.failure()->code}}),
                 1);
  for (const auto& layer : layers_) layer->instance->refused(&x);
}

gh_status Pipeline::call(std::size_t index, Exchange& x, const gh_sink* out, Frame* outer) const {
  x.clear_failure();
  if (outer) outer->went_on = true;
  while (index < layers_.size() && !layers_[index]->takes(x)) ++index;
  if (index == layers_.size()) return nobody_answered(x);

  const Layer& layer = *layers_[index];
  Frame frame(*this, index, x, out, outer);
  const gh_next next{sizeof(gh_next), &frame,
                     [](void* self, gh_exchange* raw, const gh_sink* sink) {
                       auto& f = *static_cast<Frame*>(self);
                       return f.pipeline.call(f.index + 1, Exchange::of(raw), sink, &f);
                     }};
  gh_status status;
  try {
    status = layer.instance->handle(&x, &frame, &next);
  } catch (...) {  // the facade catches on the plugin's side; this is for plugins without it
    status = x.fail({500, "plugin_error", "The request could not be processed.",
                     "the plugin " + layer.instance->name() + " threw an exception"});
  }
  Counts& counts = *layer.counts;
  const auto took = Clock::now() - frame.began;
  const auto add = [](std::atomic<std::uint64_t>& to, Clock::duration time) {
    to.fetch_add(static_cast<std::uint64_t>(time.count()), std::memory_order_relaxed);
  };
  counts.calls.fetch_add(1, std::memory_order_relaxed);
  add(counts.total_ns, took);
  add(counts.self_ns, took - frame.inside);
  x.spent[index] += took - frame.inside;
  if (!frame.went_on) counts.short_circuits.fetch_add(1, std::memory_order_relaxed);
  if (outer) outer->inside += took;

  if (status < 0 && status != GH_CANCELLED) {
    counts.failures.fetch_add(1, std::memory_order_relaxed);
    if (!x.failure()) {
      return x.fail({500, "plugin_error", "The request could not be processed.",
                     "the plugin " + layer.instance->name() + " failed and did not say why"});
    }
  }
  return status;
}

gh_status Pipeline::nobody_answered(Exchange& x) const {
  const std::string_view path = x.head().path.substr(0, 200);
  std::string allowed;
  for (const Route& r : routes_) {
    if (r.leads_to(x.head().path)) allowed += (allowed.empty() ? "" : ", ") + r.method;
  }
  if (allowed.empty() || x.route >= 0)
    return x.fail({404, "not_found", "There is nothing at " + std::string(path) + ".", {}});
  x.set_header("Allow", allowed);
  return x.fail(
      {405, "method_not_allowed", std::string(path) + " takes only " + allowed + ".", {}});
}

void Pipeline::prepare() {
  for (const auto& layer : layers_) {
    try {
      layer->instance->prepare();
    } catch (const std::system_error& e) {
      throw std::runtime_error("`" + layer->instance->name() +
                               "` cannot begin its work in the background: " + e.code().message() +
                               ": raise the limits of descriptors and threads, or try again when "
                               "fewer requests are running");
    }
  }
}

void Pipeline::start(const Pipeline* older) {
  for (const auto& layer : layers_) {
    if (!older) break;
    for (const auto& old : older->layers_) {
      if (old->instance->name() != layer->instance->name()) continue;
      layer->counts = old->counts;
      layer->instance->adopt(*old->instance);
    }
  }
  for (const auto& layer : layers_) layer->instance->start();
}

void Pipeline::end(const std::function<void(const std::string&)>& tell) {
  // All at once: what one has to end must not wait for another.
  for (const auto& layer : layers_) layer->instance->stop();
  for (; !layers_.empty(); layers_.pop_back()) tell(layers_.back()->instance->name());
}

std::string Pipeline::picture() const {
  std::string out;
  for (const auto& layer : layers_) out += (out.empty() ? "" : " → ") + layer->instance->name();
  return out;
}

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

}  // namespace

void Pipeline::report(gh_json* into) const {
  constexpr const char* kStates[] = {"up", "degraded", "down"};
  const auto ms = [](auto time) -> std::int64_t {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  };
  const auto seconds = [](const std::atomic<std::uint64_t>& ns) {
    return static_cast<double>(ns.load()) / 1e9;
  };
  utsname system{};
  ::uname(&system);
  const Gateway::Traffic traffic = gateway_.traffic();
  const Member out{into};
  out["version"] = kVersion;
  out["platform"] = std::string_view(std::string(system.sysname) + " " + system.machine);
  out["uptime_ms"] = ms(Clock::now() - gateway_.started);
  out["draining"] = traffic.draining;
  out["running"] = traffic.running;
  out["connections"] = traffic.connections;
  out["store"]["kind"] = gateway_.store->kind();
  const Store::State store = gateway_.store->state();
  out["store"]["state"] = kStates[store.kind];
  if (!store.reason.empty()) out["store"]["reason"] = std::string_view(store.reason);
  if (const auto reload = gateway_.reloads.last()) {
    JsonArena arena;
    std::string_view error;
    json_api().copy(out["reload"].node,
                    arena.parse(to_text(nlohmann::ordered_json(reload->problems)), error));
    out["reload"]["at_ms"] = reload->at_ms;
    out["reload"]["ok"] = reload->ok();
  }
  for (const auto& layer : layers_) {
    const auto health = layer->instance->health();
    const Member plugin = out["plugins"].push();
    plugin["name"] = std::string_view(layer->instance->name());
    plugin["plugin"] = layer->instance->plugin().name;
    plugin["version"] = layer->instance->plugin().version;
    plugin["state"] = kStates[health.state];
    if (!health.reason.empty()) plugin["reason"] = std::string_view(health.reason);
    plugin["since_ms"] = ms(health.since.time_since_epoch());
    plugin["calls"] = layer->counts->calls.load();
    plugin["failures"] = layer->counts->failures.load();
    plugin["short_circuits"] = layer->counts->short_circuits.load();
    plugin["seconds"] = seconds(layer->counts->total_ns);
    plugin["self_seconds"] = seconds(layer->counts->self_ns);
  }
}

std::string Pipeline::report() const {
  JsonArena arena;
  gh_json* const root = arena.make();
  report(root);
  std::string text;
  dump(root, text);
  return text;
}

void Pipeline::metrics(std::string& out) const {
  Metrics& m = gateway_.metrics;
  const auto set = [&](Metrics::Kind kind, const char* name, const char* help,
                       const Metrics::Labels& labels,
                       double value) { m.set(m.series(kind, name, help, labels), value); };
  set_process_metrics(m);
  const Gateway::Traffic traffic = gateway_.traffic();
  set(Metrics::kGauge, "gatehouse_build_info", "The version, as a label.", {{"version", kVersion}},
      1);
  set(Metrics::kGauge, "gatehouse_uptime_seconds", "Since the start.", {},
      std::chrono::duration<double>(Clock::now() - gateway_.started).count());
  set(Metrics::kGauge, "gatehouse_connections", "Open client connections.", {},
      static_cast<double>(traffic.connections));
  set(Metrics::kGauge, "gatehouse_requests_running", "Requests that are running.", {},
      static_cast<double>(traffic.running));
  set(Metrics::kGauge, "gatehouse_draining", "1 while the gateway shuts down.", {},
      traffic.draining);
  set(Metrics::kGauge, "gatehouse_store_up", "1 if the store does what it is asked.", {},
      gateway_.store->up());
  const auto reload = gateway_.reloads.last();
  set(Metrics::kGauge, "gatehouse_config_last_reload_successful",
      "1 unless the last reload of the configuration failed.", {}, !reload || reload->ok());
  set(Metrics::kCounter, "gatehouse_log_dropped_total", "Log records that nobody took in time.", {},
      static_cast<double>(gateway_.log.dropped()));
  for (const auto& layer : layers_) {
    const Metrics::Labels plugin = {{"plugin", layer->instance->name()}};
    const auto count = [&](const char* name, const char* help,
                           const std::atomic<std::uint64_t>& value) {
      set(Metrics::kCounter, name, help, plugin, static_cast<double>(value.load()));
    };
    const auto time = [&](const char* name, const char* help,
                          const std::atomic<std::uint64_t>& ns) {
      set(Metrics::kCounter, name, help, plugin, static_cast<double>(ns.load()) / 1e9);
    };
    count("gatehouse_plugin_calls_total", "Calls of the plugin.", layer->counts->calls);
    count("gatehouse_plugin_failures_total", "Calls that failed, in the plugin or below it.",
          layer->counts->failures);
    count("gatehouse_plugin_short_circuits_total", "Calls that did not go on to the next plugin.",
          layer->counts->short_circuits);
    count("gatehouse_plugin_answers_total", "Calls that passed an answer on.",
          layer->counts->answers);
    time("gatehouse_plugin_seconds_total", "Time in the plugin and below it.",
         layer->counts->total_ns);
    time("gatehouse_plugin_self_seconds_total", "Time in the plugin itself.",
         layer->counts->self_ns);
    time("gatehouse_plugin_first_event_seconds_total",
         "Time until the first event of the answer, of the calls with one.",
         layer->counts->first_event_ns);
  }
  m.write(out);
}

void append_timing(const Exchange& x, std::string& out) {
  if (!x.frame) return;  // of the admin address
  auto spent = x.spent;
  auto until = Clock::now();
  for (const Frame* frame = x.frame; frame; frame = frame->outer) {
    spent[frame->index] += until - frame->began - frame->inside;
    until = frame->began;
  }
  for (std::size_t layer = 0; layer < spent.size(); ++layer) {
    if (spent[layer] == Clock::duration::zero()) continue;
    char entry[96];
    const double ms = std::chrono::duration<double, std::milli>(spent[layer]).count();
    std::snprintf(entry, sizeof entry, "%s%s;dur=%.3f", out.empty() ? "" : ", ",
                  x.frame->name_of(layer).c_str(), ms);
    out += entry;
  }
}

}  // namespace gatehouse::core
