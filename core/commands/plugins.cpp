#include "core/commands/plugins.h"

#include <filesystem>
#include <iostream>
#include <vector>

#include "core/config/schema.h"
#include "core/config/settings_table.h"
#include "core/loader/loader.h"

namespace gatehouse::core {
namespace {

/// "api_key (string, required)" and the description, for each key.
void print_settings(const std::string& schema) {
  for (const Setting& s : settings_of(schema)) {
    std::cout << "  " << s.key << " (" << (s.type.empty() ? "any" : s.type);
    if (!s.fallback.empty()) std::cout << ", default " << s.fallback;
    std::cout << (s.required ? ", required" : "") << ")\n      " << s.description << '\n';
  }
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

int inspect_plugin(const std::string& file_or_name) {
  const std::filesystem::path file = plugin_file(file_or_name);
  try {
    PluginFile plugin(file);
    const Note& note = plugin.note();
    std::cout << note.name << ' ' << note.version << ": " << note.summary << "\nplugin interface "
              << note.abi_major << '.' << note.abi_minor << ", works with " << note.abi_major << '.'
              << note.needs << " and newer\nconfiguration:\n";
    const auto faults = schema_faults(note.schema);
    for (const std::string& fault : faults)
      std::cerr << file.string() << " has an invalid schema: " << fault << '\n';
    if (faults.empty()) print_settings(note.schema);
    (void)plugin.load();
    std::cout << "loads here: yes\n";
    return faults.empty() ? 0 : 1;
  } catch (const std::runtime_error& e) {
    std::cerr << file.string() << ' ' << e.what() << '\n';
    return 1;
  }
}

}  // namespace gatehouse::core
