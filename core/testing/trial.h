#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/loader/loader.h"

namespace gatehouse::core {

/// Something that the author of a plugin has to change, or, as a warning, may want to.
struct Finding {
  std::string severity;  // error or warning
  std::string code;      // stable, snake_case
  std::string where;     // "create", "GET /hello", "schema"
  std::string text;      // what is wrong
  std::string remedy;
};
void to_json(nlohmann::ordered_json& out, const Finding& finding);

/// What a plugin did when it was created, in a child process.
struct Creation {
  std::uint32_t flags = 0;  // GH_PLUGIN_..., of code that loads
  bool is_created = false;
  std::vector<std::string> routes, admin_routes;  // "GET /hello"
  std::vector<std::string> extensions;            // of the host that it looked up
};

struct Trial {
  Creation creation;
  std::vector<Finding> findings;
};

/// Loads the plugin and creates an instance with `config`, JSON text, in a child process.
Trial try_to_create(PluginFile& file, const std::string& config);
/// The same; then sends requests and chats through it, with a host that checks the rules of the
/// interface, and destroys it.
Trial try_to_serve(PluginFile& file, const std::string& config);

}  // namespace gatehouse::core
