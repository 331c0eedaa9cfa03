#include "core/pipeline/pipeline.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/config/suggest.h"
#include "core/loader/loader.h"
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
  if (names.empty()) return "unknown plugin `" + name + "`: there are no plugins in " + folder.string();
  std::string text = "unknown plugin `" + name + "`";
  if (const std::string close = suggest(name, names); !close.empty()) return text + ": did you mean `" + close + "`?";
  text += ": there are";
  for (const auto& n : names) text += " `" + n + "`";
  return text;
}

/// Checks the file and its configuration without running anything of it.
std::optional<fs::path> find(const Config& config, const PluginEntry& entry, Problems& problems) {
  const fs::path folder = config.plugins_dir.empty() ? installed_plugins() : fs::path(config.plugins_dir);
  const fs::path file = entry.file.empty() ? folder / (entry.plugin + ".so") : fs::path(entry.file);
  std::error_code unreadable;
  if (entry.file.empty() && !fs::exists(file, unreadable) && !unreadable) {
    problems.add(entry.place, unknown_plugin(entry.plugin, folder));
    return std::nullopt;
  }
  try {
    const Note note = check_plugin(file);
    if (note.name != entry.plugin) throw std::runtime_error("is the plugin `" + note.name + "`, not `" + entry.plugin + "`");
    const auto known = problems.size();
    config.check(entry, note.schema, problems);
    if (problems.size() == known) return file;
    return std::nullopt;
  } catch (const std::runtime_error& e) {
    problems.add(entry.place, file.string() + " " + e.what());
    return std::nullopt;
  }
}

}  // namespace

/// One call of one layer, on the stack of its request.
struct Pipeline::Frame {
  const Pipeline& pipeline;
  const std::size_t index;
  Clock::duration inside = {};  // time spent in the layers below
};

std::unique_ptr<Pipeline> Pipeline::build(const Config& config, Log& log, Problems& problems) {
  std::vector<std::optional<fs::path>> files;
  for (const PluginEntry& entry : config.pipeline) files.push_back(find(config, entry, problems));

  // Even if some are not as they should be, the others are created: they may have more to say.
  std::unique_ptr<Pipeline> pipeline(new Pipeline);
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!files[i]) continue;
    const PluginEntry& entry = config.pipeline[i];
    const Instance::Creation creation{pipeline->routes_, [&](std::string_view pointer, std::string_view text) {
                                        problems.add(config.place(entry.pointer + std::string(pointer)), "`" + entry.instance + "`: " + std::string(text));
                                      }};
    try {
      auto layer = std::make_unique<Layer>();
      layer->when = entry.when;
      layer->instance = std::make_unique<Instance>(load_plugin(*files[i]), entry.instance, entry.config, log, creation);
      pipeline->layers_.push_back(std::move(layer));
    } catch (const std::runtime_error& e) {
      problems.add(entry.place, files[i]->string() + " " + e.what());
    } catch (...) {
      problems.add(entry.place, files[i]->string() + " threw an exception while it was created");
    }
  }
  return problems.empty() ? std::move(pipeline) : nullptr;
}

Pipeline::~Pipeline() {
  while (!layers_.empty()) layers_.pop_back();
}

bool Pipeline::Layer::takes(const Exchange& x) const {
  if (instance->only_chat() && !x.chat()) return false;
  if (!when) return true;
  const RequestHead& head = x.head();
  const std::string_view path = when->path;
  const bool prefix = !path.empty() && path.back() == '*';
  const bool path_fits = path.empty() || (prefix ? head.path.substr(0, path.size() - 1) == path.substr(0, path.size() - 1) : head.path == path);
  return path_fits && (when->methods.empty() || std::find(when->methods.begin(), when->methods.end(), head.method) != when->methods.end());
}

gh_status Pipeline::run(Exchange& x, const gh_sink& out) const {
  const std::string_view method = x.head().method == "HEAD" ? "GET" : x.head().method;  // RFC 9110 9.3.2
  const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const Route& r) { return r.path == x.head().path && r.method == method; });
  x.route = found == routes_.end() ? -1 : static_cast<int>(found - routes_.begin());
  return call(0, x, &out, nullptr);
}

gh_status Pipeline::call(std::size_t index, Exchange& x, const gh_sink* out, Frame* outer) const {
  x.clear_failure();
  while (index < layers_.size() && !layers_[index]->takes(x)) ++index;
  if (index == layers_.size()) return nobody_answered(x);

  const Layer& layer = *layers_[index];
  Frame frame{*this, index};
  const gh_next next{sizeof(gh_next), &frame, [](void* self, gh_exchange* raw, const gh_sink* sink) {
                       auto& f = *static_cast<Frame*>(self);
                       return f.pipeline.call(f.index + 1, Exchange::of(raw), sink, &f);
                     }};
  const auto began = Clock::now();
  gh_status status;
  try {
    status = layer.instance->handle(&x, out, &next);
  } catch (...) {  // the facade catches on the plugin's side; this is for plugins without it
    status = x.fail({500, "plugin_error", "The request could not be processed.", "the plugin " + layer.instance->name() + " threw an exception"});
  }
  const auto took = Clock::now() - began;
  layer.calls.fetch_add(1, std::memory_order_relaxed);
  layer.self_ns.fetch_add(static_cast<std::uint64_t>(std::chrono::nanoseconds(took - frame.inside).count()), std::memory_order_relaxed);
  if (outer) outer->inside += took;

  if (status < 0 && status != GH_CANCELLED && !x.failure()) {
    return x.fail({500, "plugin_error", "The request could not be processed.", "the plugin " + layer.instance->name() + " failed and did not say why"});
  }
  return status;
}

gh_status Pipeline::nobody_answered(Exchange& x) const {
  const std::string_view path = x.head().path.substr(0, 200);
  std::string allowed;
  for (const Route& r : routes_) {
    if (r.path == x.head().path) allowed += (allowed.empty() ? "" : ", ") + r.method;
  }
  if (allowed.empty() || x.route >= 0) return x.fail({404, "not_found", "There is nothing at " + std::string(path) + ".", {}});
  x.set_header("Allow", allowed);
  return x.fail({405, "method_not_allowed", std::string(path) + " takes only " + allowed + ".", {}});
}

void Pipeline::adopt(const Pipeline& older) {
  for (const auto& layer : layers_) {
    for (const auto& old : older.layers_) {
      if (old->instance->name() == layer->instance->name()) layer->instance->adopt(*old->instance);
    }
  }
}

std::string Pipeline::picture() const {
  std::string out;
  for (const auto& layer : layers_) out += (out.empty() ? "" : " → ") + layer->instance->name();
  return out;
}

std::string Pipeline::self_times() const {
  nlohmann::ordered_json out;
  for (const auto& layer : layers_) {
    const auto calls = layer->calls.load();
    out[layer->instance->name()] = {{"calls", calls}, {"self_us", calls ? static_cast<double>(layer->self_ns.load() / calls) / 1000 : 0}};
  }
  return out.dump();
}

}  // namespace gatehouse::core
