#pragma once

#include <string>

namespace gatehouse::core {

struct PluginRun {
  std::string file;    // or the name of an installed plugin
  std::string config;  // a file with its settings, YAML or JSON; empty: none
  std::string listen = "127.0.0.1:3000";
};

/// `gatehouse plugin run`: serves with one plugin, beside those that it needs around it, until a
/// signal ends it; reloads when its file or that of its settings changes. Returns the exit status.
int run_plugin(const PluginRun& wanted);

}  // namespace gatehouse::core
