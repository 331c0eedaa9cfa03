#include "core/commands/reference.h"

#include <iostream>
#include <stdexcept>

#include "core/config/schema.h"
#include "core/config/settings_table.h"
#include "core/loader/loader.h"
#include "gateway_schema.h"  // made from gateway.schema.json: kGatewaySchema

namespace gatehouse::core {
namespace {

constexpr std::string_view kHeading = R"(# Configuration reference

All settings of the gateway and of its plugins. This file is what `gatehouse reference` prints:
change the descriptions in the schemas, not here.

Durations are written `250ms`, `10s`, `5m` or `1h`, sizes `512B`, `64KiB`, `8MiB` or `1GiB`. The key
`list[].name` is the key `name` of each item of `list`; in `map.NAME.key`, `NAME` is a name of your
choice. Any value may be `${NAME}` or `${NAME:-default}` for an environment variable, `{file: PATH}`
for the content of a file, or `{credential: NAME}` for a systemd credential.
)";

constexpr std::string_view kGateway = "gateway";

std::string schema_of(const std::string& name) {
  if (name == kGateway) return std::string(kGatewaySchema);
  const std::filesystem::path file = plugin_file(name);
  try {
    const PluginFile plugin(file);
    const auto faults = schema_faults(plugin.note().schema);
    if (!faults.empty()) throw std::runtime_error("has an invalid schema: " + faults[0]);
    return plugin.note().schema;
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(file.string() + ' ' + e.what());
  }
}

std::vector<std::string> all_names() {
  std::vector<std::string> names = {std::string(kGateway)};
  for (const auto& file : plugins_in(installed_plugins())) names.push_back(file.stem());
  return names;
}

}  // namespace

int print_reference(std::vector<std::string> names) {
  std::string text;
  if (names.empty()) {
    text = kHeading;
    names = all_names();
  }
  for (const std::string& name : names) {
    text += (text.empty() ? "## " : "\n## ") + std::filesystem::path(name).stem().string() +
            "\n\n" + to_markdown(settings_of(schema_of(name)));
  }
  std::cout << text;
  return 0;
}

}  // namespace gatehouse::core
