#pragma once

namespace gatehouse::core {

/// `gatehouse schema`: prints the JSON Schema of configuration files with the installed plugins.
int print_schema();

}  // namespace gatehouse::core
