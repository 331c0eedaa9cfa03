#pragma once

#include <string>
#include <vector>

namespace gatehouse::core {

/// Prints a table of all settings, in Markdown, for each of `names`: `gateway` is the core, others
/// are names or files of plugins. No names: the core and all installed plugins, under a heading.
/// Returns the exit status.
int print_reference(std::vector<std::string> names);

}  // namespace gatehouse::core
