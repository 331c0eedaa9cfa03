#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "core/config/yaml.h"

namespace gatehouse::core {

/// Replaces each reference in `value`, and in everything inside it, by what it refers to:
///
///   ${NAME}              an environment variable; a problem if it is not set
///   ${NAME:-default}     the same, or `default` if it is not set or empty
///   $${                  the two characters `${`
///   {file: path}         as a whole value: the text of a file, relative to the folder of the file
///                        in which this stands
///   {credential: name}   as a whole value: a credential of systemd, from $CREDENTIALS_DIRECTORY
void substitute(nlohmann::ordered_json& value, const std::string& pointer, Origins& origins,
                Problems& problems);

/// Returns the text of a UTF-8 file of at most kMaxConfigBytes, or nothing and the reason in
/// `error`.
std::optional<std::string> read_file(const std::filesystem::path& path, std::string& error);

/// The value of an environment variable; null if it is not set or empty.
const char* environment(const std::string& name);
/// The environment variable that `name` is most likely a misspelling of; empty if none is near.
std::string nearest_variable(const std::string& name);

}  // namespace gatehouse::core
