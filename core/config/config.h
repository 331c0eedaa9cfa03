#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/problems.h"
#include "core/config/settings.h"
#include "core/config/yaml.h"

namespace gatehouse::core {

/// `when:` of a pipeline entry: the requests that its plugin handles.
struct When {
  std::string path = "/*";           // exact, or a prefix with `*` at its end
  std::vector<std::string> methods;  // empty: all
};

/// One entry of `pipeline:`.
struct PluginEntry {
  std::string plugin;
  std::string instance;  // `as`, else the plugin's name; unique
  std::string file;      // `path`: the shared object, if it is not in the folder of plugins
  std::string sha256;    // of the shared object, in lower case; empty: any
  std::optional<When> when;
  std::string config = "{}";  // JSON text
  std::string pointer;        // of `config` in the file, for example /pipeline/3/gemini
  Place place;                // of the plugin's name
  /// To which the paths in `config` are relative.
  std::filesystem::path folder() const { return std::filesystem::path(place.file).parent_path(); }
  bool broken = false;  // a part of `config` could not be read, and a problem reports it
};

/// An entry of `pipeline:` that is not used.
struct LeftOut {
  std::string plugin;
  Place place;
  std::string why;  // "`enabled` is false"
};

/// What the command line leaves out of a configuration.
struct Omissions {
  std::set<std::string> entries;  // of `pipeline:`, by the name of the instance or the plugin
  /// Only plugins in the installation's own folder are loaded: `plugins_dir` is ignored, and
  /// entries with `path` or without a file in that folder are left out.
  bool other_plugins = false;
};

/// Who may write to a file or a folder besides root and the user of this process, such as
/// "everybody"; empty: nobody.
std::string others_who_write(const std::filesystem::path& path);

/// The configuration file and those that it includes. Paths are relative to the folder of the file
/// in which they stand.
class Config {
 public:
  /// Reads the file and reports everything that is wrong with it in `problems`. Returns nothing
  /// only if the file is not a YAML map; otherwise what could be read, so that the plugins can be
  /// checked as well: do not run it unless `problems` is empty.
  /// `used`: becomes the whole of it as JSON, after substitution and with defaults, but those of
  /// plugins.
  static std::optional<Config> load(const std::string& path, Problems& problems,
                                    const Omissions& omissions = {},
                                    nlohmann::ordered_json* used = nullptr);
  /// The same for the text of the file `path`, which need not exist.
  static std::optional<Config> parse(std::string_view text, const std::string& path,
                                     Problems& problems, const Omissions& omissions = {});

  /// Validates the configuration of one plugin; `schema` is the text of the plugin's JSON Schema.
  void check(const PluginEntry& entry, std::string_view schema, Problems& problems) const;
  /// The place of the value at a pointer, or of the nearest value around it.
  Place place(std::string_view pointer) const { return origins_.place(pointer); }
  /// The value comes from the environment or a file, and so may be a secret.
  bool is_hidden(std::string_view pointer) const { return origins_.at(pointer).hidden; }

  ServerSettings server;
  LogSettings log;
  ShutdownSettings shutdown;
  AdminSettings admin;
  StoreSettings store;
  UpstreamSettings upstream;
  std::string plugins_dir;  // empty: where the installation keeps them
  std::vector<PluginEntry> pipeline;
  std::vector<LeftOut> left_out;
  Omissions omissions;

 private:
  Config(nlohmann::ordered_json& root, Origins origins, Omissions left_out_by_name,
         Problems& problems);

  Origins origins_;
};

}  // namespace gatehouse::core
