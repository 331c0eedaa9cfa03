#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/config/defaults.h"
#include "core/config/suggest.h"
#include "core/loader/loader.h"
#include "core/pipeline/order.h"
#include "core/pipeline/pipeline.h"

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;

/// The problem text for a plugin without a file.
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
  const bool is_installed = config.plugins_dir.empty() || config.omissions.other_plugins;
  return is_installed ? installed_plugins() : fs::path(config.plugins_dir);
}

fs::path file_of(const Config& config, const PluginEntry& entry) {
  return entry.file.empty() ? folder_of_plugins(config) / (entry.plugin + ".so")
                            : fs::path(entry.file);
}

/// With --safe, whether the entry is left out, which is then reported.
bool is_omitted(const Config& config, const PluginEntry& entry, Problems& problems) {
  if (!config.omissions.other_plugins) return false;
  std::error_code unreadable;
  if (entry.file.empty() && fs::exists(file_of(config, entry), unreadable)) return false;
  problems.warn(entry.place, "this entry is left out: `--safe` loads only the plugins in " +
                                 installed_plugins().string());
  return true;
}

/// Whoever can replace a plugin runs code with the gateway's privileges. Its folder is checked
/// here, its mode when it is read.
void check_owners(const PluginEntry& entry, const fs::path& file, Problems& problems) {
  constexpr const char* kDanger = ", who can run code with the gateway's privileges: ";
  const fs::path folder = file.parent_path();
  if (const std::string who = others_who_write(folder); who == "everybody") {
    problems.add(entry.place, "the folder " + folder.string() + " is writable by everybody" +
                                  kDanger + "run `chmod o-w " + folder.string() + "`");
  } else if (!who.empty()) {
    problems.warn(entry.place, "the folder " + folder.string() + " is writable by " + who +
                                   kDanger + "run `chown root " + folder.string() + "`");
  } else if (const std::string owner = others_who_write(file); !owner.empty()) {
    problems.warn(entry.place, file.string() + " is writable by " + owner + kDanger +
                                   "run `chown root " + file.string() + "`");
  }
}

void check_identity(const PluginEntry& entry, const PluginFile& found) {
  if (found.note().name != entry.plugin) {
    throw std::runtime_error("is the plugin `" + found.note().name + "`, not `" + entry.plugin +
                             "`");
  }
  if (!entry.sha256.empty() && entry.sha256 != found.sha256()) {
    throw std::runtime_error("has the SHA-256 " + found.sha256() + ", but `sha256` is " +
                             entry.sha256 +
                             ": install the file that it was written for, or, if you trust this "
                             "one, write its digest there");
  }
}

/// The file of a plugin whose configuration is valid; nothing of it has run.
std::optional<PluginFile> find(const Config& config, const PluginEntry& entry, Problems& problems) {
  const fs::path file = file_of(config, entry);
  if (is_omitted(config, entry, problems)) return std::nullopt;
  try {
    PluginFile found(file);
    check_identity(entry, found);
    const auto known = problems.size();
    check_owners(entry, found.path(), problems);
    if (!found.warning().empty()) problems.warn(entry.place, file.string() + " " + found.warning());
    config.check(entry, found.note().schema, problems);
    if (problems.size() == known && !entry.broken) return found;
  } catch (const std::runtime_error& e) {
    std::error_code unreadable;
    const bool is_unknown = entry.file.empty() && !fs::exists(file, unreadable) && !unreadable;
    problems.add(entry.place, is_unknown ? unknown_plugin(entry.plugin, file.parent_path())
                                         : file.string() + " " + e.what());
  }
  return std::nullopt;
}

std::string fields_of(const PluginFile& plugin) {
  return Log::text_of({{"file", plugin.path().string()},
                       {"version", plugin.note().version},
                       {"sha256", plugin.sha256()}});
}

/// The text of a plugin's problem. "must be at least 1s" gets the key at `pointer` as its subject.
std::string problem_text(const PluginEntry& entry, std::string_view pointer,
                         std::string_view text) {
  const std::string subject = text.starts_with("must ") && !pointer.empty()
                                  ? "`" + std::string(pointer.substr(pointer.rfind('/') + 1)) + "` "
                                  : "";
  return "`" + entry.instance + "`: " + subject + std::string(text);
}

bool goes_before(const FailureForm& a, const FailureForm& b) {
  if (a.header.empty() != b.header.empty()) return b.header.empty();
  return a.path.size() > b.path.size();
}

}  // namespace

std::unique_ptr<Pipeline> Pipeline::build(const Config& config, Gateway& gateway,
                                          Problems& problems) {
  std::vector<std::optional<PluginFile>> files;
  for (const PluginEntry& entry : config.pipeline) files.push_back(find(config, entry, problems));

  // The other plugins are created even if some have problems, since they may report more.
  std::unique_ptr<Pipeline> pipeline(new Pipeline(gateway, config.server.max_running));
  std::vector<Standing> order;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const PluginEntry& entry = config.pipeline[i];
    Standing& standing = order.emplace_back(Standing{entry, {}, {}, false});
    if (!files[i]) continue;
    const auto place = [&](std::string_view pointer) {
      return config.place(entry.pointer + std::string(pointer));
    };
    const Instance::Creation creation{
        pipeline->routes_,
        pipeline->admin_routes_,
        pipeline->around_,
        pipeline->failure_forms_,
        pipeline->models_,
        [&](std::string_view pointer, std::string_view text) {
          problems.add(place(pointer), problem_text(entry, pointer, text));
        },
        [&](std::string_view pointer, std::string_view text) {
          problems.warn(place(pointer), problem_text(entry, pointer, text));
        }};
    const Instance::Surroundings surroundings{gateway, entry.folder(), pipeline.get(),
                                              config.server.is_exposed(), config.upstream};
    try {
      auto layer = std::make_unique<Layer>();
      layer->code = files[i]->load();
      if (files[i]->is_fresh()) layer->loaded = fields_of(*files[i]);
      standing.flags = layer->code->flags;
      layer->when = entry.when;
      layer->place = entry.place.file + ':' + std::to_string(entry.place.line);
      const std::size_t routes = pipeline->routes_.size();
      layer->instance = std::make_unique<Instance>(
          *layer->code, entry.instance, with_defaults(files[i]->note().schema, entry.config),
          surroundings, creation);
      for (std::size_t r = routes; r < pipeline->routes_.size(); ++r)
        standing.routes.push_back({pipeline->routes_[r].path, {pipeline->routes_[r].method}});
      pipeline->layers_.push_back(std::move(layer));
    } catch (const std::runtime_error& e) {
      problems.add(entry.place, files[i]->path().string() + " " + e.what());
    } catch (...) {
      problems.add(entry.place,
                   files[i]->path().string() + " threw an exception when it was created");
    }
  }
  std::stable_sort(pipeline->failure_forms_.begin(), pipeline->failure_forms_.end(), goes_before);
  for (Standing& one : order) {
    one.is_led_to = std::any_of(
        pipeline->models_.leads.begin(), pipeline->models_.leads.end(),
        [&](const OfferedModels::Lead& lead) { return lead.provider == one.entry.instance; });
  }
  check_order(config, order, problems);
  check_leads(pipeline->models_.leads, order, problems);
  return problems.empty() ? std::move(pipeline) : nullptr;
}

}  // namespace gatehouse::core
