#pragma once

#include <filesystem>

#include "core/loader/note.h"
#include "gatehouse/abi.h"

namespace gatehouse::core {

/// The note of a plugin that this gateway can load. Throws std::runtime_error, whose text completes "FILE: …".
Note check_plugin(const std::filesystem::path& file);

/// Loads a plugin that check_plugin() accepted, and never unloads it: instances come and go, code stays, since threads,
/// thread-locals and static objects of a plugin cannot be taken back. The same file is loaded once. Throws as above.
const gh_plugin& load_plugin(const std::filesystem::path& file);

/// The folder of plugins that belongs to this program: ../lib/gatehouse/plugins beside its own.
std::filesystem::path installed_plugins();

}  // namespace gatehouse::core
