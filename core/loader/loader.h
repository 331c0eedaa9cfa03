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

/// A plugin's file. Code that was loaded from it stays in use, whatever happens to the file, until
/// a later object of this class loads its new content beside it. The same bytes are loaded once.
/// Control thread; what load() returns may be dropped on any.
class PluginFile {
 public:
  /// Reads the file unless it is unchanged since it was loaded. Throws std::runtime_error, whose
  /// text completes "FILE: …", if it cannot be read and no code from it is in use.
  explicit PluginFile(const std::filesystem::path& file);

  const std::filesystem::path& path() const { return path_; }
  /// Of the code that load() returns; so is sha256(), of its file, in hexadecimal.
  const Note& note() const;
  const std::string& sha256() const;
  /// Why that is not the code that the file has now; completes "FILE: …". Empty: it is.
  const std::string& warning() const { return warning_; }
  /// Loads the code from a private copy. It stays in memory as long as the result, at least. Throws
  /// as above.
  std::shared_ptr<const gh_plugin> load();
  /// load() has found no code of the same bytes.
  bool is_fresh() const { return is_fresh_; }

 private:
  std::filesystem::path path_;
  FileStamp stamp_;
  std::shared_ptr<PluginCode> code_;
  std::string warning_;
  bool is_fresh_ = false;
};

/// The shared objects in a folder, in the order of their names. Throws
/// std::filesystem::filesystem_error.
std::vector<std::filesystem::path> plugins_in(const std::filesystem::path& folder);

/// The folder of plugins that belongs to this program: ../lib/gatehouse/plugins beside its own.
std::filesystem::path installed_plugins();
/// The file that a user means by a path, or by the name of an installed plugin.
std::filesystem::path plugin_file(const std::string& path_or_name);

}  // namespace gatehouse::core
