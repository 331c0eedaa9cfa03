#include "core/commands/plugins.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/loader/loader.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

/// "api_key (string, required)" and the description, for each key of a plugin's configuration;
/// "servers[].name" for a nested one.
void print_keys(const Json& schema, const std::string& inside = "") {
  const auto properties = schema.value("properties", Json::object());
  const auto required = schema.value("required", std::vector<std::string>());
  for (const auto& [key, value] : properties.items()) {
    const bool is_required = std::find(required.begin(), required.end(), key) != required.end();
    std::cout << "  " << inside << key << " ("
              << (value.contains("type") ? value["type"].dump() : "any");
    if (value.contains("format")) std::cout << ", a " << value["format"].get<std::string>();
    if (value.contains("default")) std::cout << ", default " << value["default"].dump();
    std::cout << (is_required ? ", required" : "") << ")\n      " << value.value("description", "")
              << '\n';
    print_keys(value, inside + key + ".");
    if (value.contains("items") && value["items"].is_object())
      print_keys(value["items"], inside + key + "[].");
  }
}

std::filesystem::path file_of(const std::string& file_or_name) {
  const bool is_name = file_or_name.find_first_of("./") == std::string::npos &&
                       !std::filesystem::exists(file_or_name);
  return is_name ? installed_plugins() / (file_or_name + ".so")
                 : std::filesystem::path(file_or_name);
}

}  // namespace

int list_plugins(const std::string& directory) {
  const std::filesystem::path folder =
      directory.empty() ? installed_plugins() : std::filesystem::path(directory);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".so") files.push_back(entry.path());
  }
  if (files.empty()) std::cerr << "there are no plugins in " << folder.string() << '\n';
  std::sort(files.begin(), files.end());
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
  const std::filesystem::path file = file_of(file_or_name);
  try {
    PluginFile plugin(file);
    const Note& note = plugin.note();
    std::cout << note.name << ' ' << note.version << ": " << note.summary << "\nplugin interface "
              << note.abi_major << '.' << note.abi_minor << ", works with " << note.abi_major << '.'
              << note.needs << " and newer\nconfiguration:\n";
    print_keys(Json::parse(note.schema));
    (void)plugin.load();
    std::cout << "loads here: yes\n";
    return 0;
  } catch (const std::runtime_error& e) {
    std::cerr << file.string() << ' ' << e.what() << '\n';
    return 1;
  }
}

}  // namespace gatehouse::core
