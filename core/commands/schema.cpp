#include "core/commands/schema.h"

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/config/editor_schema.h"
#include "core/config/schema.h"
#include "core/loader/loader.h"

namespace gatehouse::core {

int print_schema() {
  std::map<std::string, std::string> plugins;
  for (const auto& file : plugins_in(installed_plugins())) {
    try {
      const Note note = PluginFile(file).note();
      if (schema_faults(note.schema).empty()) plugins.emplace(note.name, note.schema);
    } catch (const std::runtime_error& e) {
      std::cerr << file.string() << ' ' << e.what() << '\n';
    }
  }
  std::cout << editor_schema(plugins).dump(2) << '\n';
  return 0;
}

}  // namespace gatehouse::core
