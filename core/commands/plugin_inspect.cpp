#include "core/commands/plugin_inspect.h"

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/config/schema.h"
#include "core/config/settings_table.h"
#include "core/loader/elf_file.h"
#include "core/loader/loader.h"
#include "core/testing/trial.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<std::uint32_t, const char*> kFlags[] = {
    {GH_PLUGIN_CHAT, "chat"},     {GH_PLUGIN_INGRESS, "ingress"}, {GH_PLUGIN_PROVIDER, "provider"},
    {GH_PLUGIN_HEAD, "head"},     {GH_PLUGIN_GUARD, "guard"},     {GH_PLUGIN_PROBES, "probes"},
    {GH_PLUGIN_BLOCKS, "blocks"}, {GH_PLUGIN_UNLOADS, "unloads"}, {GH_PLUGIN_ROUTES, "routes"},
};

std::vector<std::string> names_of(std::uint32_t flags) {
  std::vector<std::string> names;
  for (const auto& [flag, name] : kFlags) {
    if ((flags & flag) != 0) names.emplace_back(name);
  }
  return names;
}

std::string version(int major, int minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

Json settings_json(const std::string& schema) {
  Json out = Json::array();
  for (const Setting& s : settings_of(schema)) {
    out.push_back({{"key", s.key}, {"type", s.type}, {"required", s.required}});
    if (!s.fallback.empty()) out.back()["default"] = s.fallback;
    if (!s.description.empty()) out.back()["description"] = s.description;
  }
  return out;
}

/// All that is known of a plugin.
Json description_of(const std::filesystem::path& path) {
  PluginFile file(path);
  const Note& note = file.note();
  const ElfFile elf = read_elf(file.path());
  const auto faults = schema_faults(note.schema);
  Json out = {{"file", file.path().string()},
              {"sha256", elf.sha256},
              {"name", note.name},
              {"version", note.version},
              {"summary", note.summary},
              {"interface", version(note.abi_major, note.abi_minor)},
              {"needs_interface", version(note.abi_major, note.needs)},
              {"libraries", elf.needed},
              {"symbol_versions", elf.versions},
              {"settings", faults.empty() ? settings_json(note.schema) : Json::array()},
              {"schema_faults", faults}};
  const Trial trial = faults.empty() ? try_to_create(file, "{}") : Trial();
  out["flags"] = names_of(trial.creation.flags);
  out["created"] = trial.creation.is_created;
  out["routes"] = trial.creation.routes;
  out["admin_routes"] = trial.creation.admin_routes;
  out["extensions"] = trial.creation.extensions;
  out["findings"] = trial.findings;
  return out;
}

std::string listed(const Json& texts) {
  std::string out;
  for (const Json& text : texts) out.append(out.empty() ? "" : ", ").append(text);
  return out.empty() ? "none" : out;
}

void print(const Json& plugin) {
  const auto line = [](const char* name, const std::string& value) {
    std::cout << name << ": " << value << '\n';
  };
  std::cout << plugin["name"].get<std::string>() << ' ' << plugin["version"].get<std::string>()
            << ": " << plugin["summary"].get<std::string>() << '\n';
  line("sha256", plugin["sha256"]);
  line("plugin interface", plugin["interface"].get<std::string>() + ", works with " +
                               plugin["needs_interface"].get<std::string>() + " and newer");
  line("flags", listed(plugin["flags"]));
  line("libraries", listed(plugin["libraries"]));
  line("symbol versions", listed(plugin["symbol_versions"]));
  line("routes", listed(plugin["routes"]));
  line("admin routes", listed(plugin["admin_routes"]));
  line("extensions", listed(plugin["extensions"]));
  std::cout << "settings:" << (plugin["settings"].empty() ? " none\n" : "\n");
  for (const Json& s : plugin["settings"]) {
    const std::string type = s["type"];
    std::cout << "  " << s["key"].get<std::string>() << " (" << (type.empty() ? "any" : type);
    if (s.contains("default")) std::cout << ", default " << s["default"].get<std::string>();
    std::cout << (s["required"] ? ", required" : "") << ")\n";
    if (s.contains("description"))
      std::cout << "      " << s["description"].get<std::string>() << '\n';
  }
}

/// Returns whether there are errors.
bool print_problems(const Json& plugin) {
  const std::string file = plugin["file"];
  bool has_errors = !plugin["schema_faults"].empty();
  for (const Json& fault : plugin["schema_faults"])
    std::cerr << file << " has an invalid schema: " << fault.get<std::string>() << '\n';
  for (const Json& f : plugin["findings"]) {
    const bool is_error = f["severity"] == "error";
    has_errors = has_errors || is_error;
    std::cerr << file << ": " << f["where"].get<std::string>() << ": "
              << f["text"].get<std::string>() << '\n';
  }
  return has_errors;
}

}  // namespace

int list_plugins(const std::string& directory) {
  const std::filesystem::path folder =
      directory.empty() ? installed_plugins() : std::filesystem::path(directory);
  const auto files = plugins_in(folder);
  if (files.empty()) std::cerr << "there are no plugins in " << folder.string() << '\n';
  for (const auto& file : files) {
    try {
      const PluginFile plugin(file);
      const Note& note = plugin.note();
      std::cout << note.name << ' ' << note.version << "  " << note.summary << '\n';
    } catch (const std::runtime_error& e) {
      std::cout << file.string() << ' ' << e.what() << '\n';
    }
  }
  return 0;
}

int inspect_plugin(const std::string& file_or_name, bool as_json) {
  const std::filesystem::path file = plugin_file(file_or_name);
  try {
    const Json plugin = description_of(file);
    if (as_json) {
      std::cout << to_text(plugin, 2) << '\n';
    } else {
      print(plugin);
    }
    std::cout << std::flush;
    return print_problems(plugin) ? 1 : 0;
  } catch (const std::runtime_error& e) {
    std::cerr << file.string() << ' ' << e.what() << '\n';
    return 1;
  }
}

}  // namespace gatehouse::core
