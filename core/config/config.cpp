#include "core/config/config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/config/reader.h"
#include "core/config/schema.h"
#include "core/config/substitute.h"

namespace gatehouse::core {

namespace fs = std::filesystem;

std::string others_who_write(const fs::path& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return "";
  if (S_ISDIR(s.st_mode) || S_ISREG(s.st_mode)) {
    if ((s.st_mode & S_IWOTH) && !(s.st_mode & S_ISVTX)) return "everybody";
    if (s.st_uid != 0 && s.st_uid != ::geteuid())
      return "its owner, the user " + std::to_string(s.st_uid);
  }
  return "";
}

std::optional<Config> Config::load(const std::string& path, Problems& problems,
                                   const Omissions& omissions) {
  std::string error;
  const auto text = read_file(path, error);
  if (text) {
    if (const std::string who = others_who_write(path); !who.empty()) {
      problems.warn(
          {path}, "can be changed by " + who + ", which gives them the privileges of the gateway");
    }
    return parse(*text, path, problems, omissions);
  }
  problems.add({path}, error);
  return std::nullopt;
}

std::optional<Config> Config::parse(std::string_view text, const std::string& path,
                                    Problems& problems, const Omissions& omissions) {
  Config config{Origins(path)};
  config.omissions = omissions;
  auto root = parse_yaml(text, config.origins_, problems);
  if (!root) return std::nullopt;
  if (!root->is_object()) {
    problems.add(config.place(""),
                 "the configuration must be a map that begins with a key such as `pipeline:`");
    return std::nullopt;
  }
  read_settings(*root, path, config.origins_, problems, config);
  return config;
}

void Config::check(const PluginEntry& entry, std::string_view schema, Problems& problems) const {
  validate(nlohmann::json::parse(entry.config), entry.pointer, "`" + entry.plugin + "`", schema,
           origins_, problems);
}

}  // namespace gatehouse::core
