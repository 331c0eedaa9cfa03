#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

/// One key of a configuration, in words for people.
struct Setting {
  std::string key;          // "servers[].name"; NAME stands for a key that the operator chooses
  std::string description;  // Markdown
  std::string type;         // "duration, 1ms to 24h"; empty: any
  std::string fallback;     // its default as YAML writes it; empty: none
  bool required = false;
};

/// All keys that a schema without faults describes, each followed by those inside it.
std::vector<Setting> settings_of(std::string_view schema);

/// A table of them in Markdown.
std::string to_markdown(const std::vector<Setting>& settings);

}  // namespace gatehouse::core
