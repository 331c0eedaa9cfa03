#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/loader/file_stamp.h"
#include "core/loader/note.h"
#include "gatehouse/abi.h"

namespace gatehouse::core {

struct PluginCode;

/// A plugin's file. Code that was loaded from a file stays in use until the process ends, whatever
/// happens to the file: threads, thread-locals and static objects of a plugin cannot be unloaded.
/// The same bytes are loaded once. Control thread.
class PluginFile {
 public:
  /// Reads the file unless it is unchanged since it was loaded. Throws std::runtime_error, whose
  /// text completes "FILE: …", if it cannot be loaded and was not loaded before.
  explicit PluginFile(const std::filesystem::path& file);

  const std::filesystem::path& path() const { return path_; }
  /// Of the code that load() returns.
  const Note& note() const;
  /// Why that is not the code that the file has now; completes "FILE: …". Empty: it is.
  const std::string& warning() const { return warning_; }
  /// Loads the code from a private copy. Throws as above.
  const gh_plugin& load();

 private:
  std::filesystem::path path_;
  FileStamp stamp_;
  std::shared_ptr<PluginCode> code_;
  std::string warning_;
};

/// The shared objects in a folder, in the order of their names. Throws
/// std::filesystem::filesystem_error.
std::vector<std::filesystem::path> plugins_in(const std::filesystem::path& folder);

/// The folder of plugins that belongs to this program: ../lib/gatehouse/plugins beside its own.
std::filesystem::path installed_plugins();
/// The file that a user means by a path, or by the name of an installed plugin.
std::filesystem::path plugin_file(const std::string& path_or_name);

}  // namespace gatehouse::core
