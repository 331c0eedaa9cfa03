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

/// A plugin's file. What was loaded from a file is used as long as the process lives, whatever
/// becomes of the file: instances come and go, code stays, since threads, thread-locals and static
/// objects of a plugin cannot be taken back. The same bytes are loaded once. Control thread.
class PluginFile {
 public:
  /// Reads the file unless it is as it was when it was loaded. Throws std::runtime_error, whose
  /// text completes "FILE: …", if this gateway cannot load it and has not done so before.
  explicit PluginFile(const std::filesystem::path& file);

  const std::filesystem::path& path() const { return path_; }
  /// Of the code that load() gives.
  const Note& note() const;
  /// Why that is not the code in the file, which completes "FILE: …"; empty: it is.
  const std::string& warning() const { return warning_; }
  /// Loads the code, from a copy that nobody else can change or cut short. Throws as above.
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
