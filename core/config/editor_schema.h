#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gatehouse::core {

/// The JSON Schema, draft 7, of configuration files as they are written, for editors: a value may
/// be a reference such as `${NAME}` or {file: path}, and an included file may lack what the main
/// file has. `plugins`: the schemas of the installed plugins by their names.
nlohmann::ordered_json editor_schema(const std::map<std::string, std::string>& plugins);

}  // namespace gatehouse::core
