#include "core/commands/dump.h"

#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/commands/built.h"
#include "core/config/defaults.h"
#include "core/config/explain.h"
#include "core/loader/loader.h"
#include "gateway_schema.h"  // made from gateway.schema.json: kGatewaySchema

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kMask = "***";
constexpr std::string_view kPipeline = "/pipeline/";

/// Masks secrets: what a schema declares as such, and what comes from outside of the configuration.
class Mask {
 public:
  Mask(const Config& config, std::string_view schema)
      : config_(config), secrets_(secrets_of(nlohmann::json::parse(schema))) {}

  /// `value` stands at `pointer`. `is_secret`: so is every text, number or list in it.
  void apply(Json& value, const std::string& pointer, bool is_secret = false) const {
    if (!value.is_structured()) {
      if (!value.is_null() && (is_secret || config_.is_hidden(pointer))) value = kMask;
      return;
    }
    for (std::size_t i = 0; value.is_array() && i < value.size(); ++i)
      apply(value[i], child(pointer, i), is_secret || secrets_.count("") > 0);
    if (!value.is_object()) return;
    for (auto& [key, member] : value.items())
      apply(member, child(pointer, key), secrets_.count(key) > 0);
  }

 private:
  const Config& config_;
  const std::set<std::string> secrets_;
};

std::string schema_of(const Config& config, const PluginEntry& entry) {
  const std::filesystem::path folder =
      config.plugins_dir.empty() ? installed_plugins() : std::filesystem::path(config.plugins_dir);
  const std::filesystem::path file = folder / (entry.plugin + ".so");
  return PluginFile(entry.file.empty() ? file : std::filesystem::path(entry.file)).note().schema;
}

/// The entry with the settings that its plugin gets. `written`: as the file has it.
Json used_entry(const Config& config, const PluginEntry& entry, const Json& written) {
  const std::string schema = schema_of(config, entry);
  Json settings = Json::parse(with_defaults(schema, entry.config));
  Mask(config, schema).apply(settings, entry.pointer);
  Json out = {{entry.plugin, std::move(settings)}};
  for (const char* key : {"as", "when", "path"}) {
    if (written.is_object() && written.contains(key)) out[key] = written[key];
  }
  return out;
}

}  // namespace

int dump_config(const std::string& config_file) {
  const Built built(config_file);
  std::cerr << built.problems;
  if (!built.pipeline) return 1;
  Problems known;
  Json used;
  const auto config = Config::load(config_file, known, {}, &used);
  const Json written = std::exchange(used["pipeline"], Json::array());
  used.erase("include");
  Mask(*config, kGatewaySchema).apply(used, "");
  for (const PluginEntry& entry : config->pipeline) {
    const std::size_t index = std::stoul(entry.pointer.substr(kPipeline.size()));
    used["pipeline"].push_back(used_entry(*config, entry, written[index]));
  }
  std::cout << to_text(used, 2) << '\n';
  return 0;
}

}  // namespace gatehouse::core
