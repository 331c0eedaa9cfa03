#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "core/config/yaml.h"

namespace gatehouse::core {

/// Puts what a configuration refers to in its place, in `value` and all it holds:
///
///   ${NAME}              a variable of the environment; a problem if it is not set
///   ${NAME:-default}     the same, or `default` if it is not set or empty
///   $${                  the two characters `${`
///   {file: path}         as a whole value: the text of a file, relative to `folder`
///   {credential: name}   as a whole value: a credential of systemd, from $CREDENTIALS_DIRECTORY
void substitute(nlohmann::ordered_json& value, const std::string& pointer,
                const std::filesystem::path& folder, Origins& origins, Problems& problems);

/// The text of a file of at most kMaxConfigBytes in UTF-8; nothing, and why, if there is none.
std::optional<std::string> read_file(const std::filesystem::path& path, std::string& error);

/// The value of a variable of the environment; null if it is not set or empty.
const char* environment(const std::string& name);
/// The variable of the environment that `name` is most likely a misspelling of; empty if there is
/// none.
std::string nearest_variable(const std::string& name);

}  // namespace gatehouse::core
