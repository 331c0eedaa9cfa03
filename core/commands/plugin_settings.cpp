#include "core/commands/plugin_settings.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "core/config/yaml.h"

namespace gatehouse::core {

std::string read_settings(const std::string& path) {
  if (path.empty()) return "{}";
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error(path + " cannot be read");
  Origins origins(path);
  Problems problems;
  const auto json = parse_yaml(text, origins, problems);
  if (json && problems.empty()) return json->dump();
  std::ostringstream all;
  all << problems;
  throw std::runtime_error("the settings cannot be read:\n" + all.str());
}

}  // namespace gatehouse::core
