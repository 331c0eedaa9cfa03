/// The text of a configuration file, with the plugins' settings in it.
#include "core/config/config.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "require.h"

namespace {

// The kinds of rules that plugins' schemas have.
constexpr auto kSchema = R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["key"],
  "properties": {
    "key": {"type": "string", "minLength": 1, "x-secret": true},
    "window": {"type": "string", "format": "duration"},
    "bytes": {"type": "string", "format": "size"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    "origins": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+://"}, )"
                         R"("uniqueItems": true},
    "level": {"enum": ["low", "high"]},
    "server": {"anyOf": [{"required": ["url"]}, {"required": ["command"]}]}
  }
})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::core;
  Problems problems;
  const auto config = Config::parse({reinterpret_cast<const char*>(data), size},
                                    "/nowhere/gatehouse.yaml", problems);
  require(config || !problems.empty(), "a refusal says why");
  if (config) {
    for (const PluginEntry& entry : config->pipeline) {
      require(nlohmann::json::accept(entry.config), "a plugin gets JSON");
      require(!entry.plugin.empty() && !entry.instance.empty(), "an entry has a name");
      config->check(entry, kSchema, problems);
    }
  }
  for (const Problem& problem : problems.sorted())
    require(!problem.text.empty(), "a problem is told");
  return 0;
}
