#pragma once

#include <string>

namespace gatehouse::core {

struct PluginCheck {
  std::string file;    // or the name of an installed plugin
  std::string config;  // a file with its settings, YAML or JSON; empty: the defaults of its schema
  bool as_json = false;
};

/// `gatehouse plugin check`: reports mistakes of a plugin's author: in the file, in the schema, and
/// in what the plugin does with requests, which it is sent in a child process. Returns 1 if there
/// are errors, which warnings are not.
int check_plugin(const PluginCheck& wanted);

}  // namespace gatehouse::core
