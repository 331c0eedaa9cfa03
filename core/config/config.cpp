#include "core/config/config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/config/include.h"
#include "core/config/reader.h"
#include "core/config/schema.h"

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
                                   const Omissions& omissions, nlohmann::ordered_json* used) {
  Origins origins(path);
  auto root = read_map(path, origins, problems);
  if (!root) return std::nullopt;
  Config config(*root, std::move(origins), omissions, problems);
  if (used) *used = *std::move(root);
  return config;
}

std::optional<Config> Config::parse(std::string_view text, const std::string& path,
                                    Problems& problems, const Omissions& omissions) {
  Origins origins(path);
  auto root = parse_map(text, origins, problems);
  if (!root) return std::nullopt;
  return Config(*root, std::move(origins), omissions, problems);
}

Config::Config(nlohmann::ordered_json& root, Origins origins, Omissions left_out_by_name,
               Problems& problems)
    : omissions(std::move(left_out_by_name)), origins_(std::move(origins)) {
  include_files(root, origins_, problems);
  read_settings(root, origins_, problems, *this);
}

void Config::check(const PluginEntry& entry, std::string_view schema, Problems& problems) const {
  validate(nlohmann::json::parse(entry.config), entry.pointer, "`" + entry.plugin + "`", schema,
           origins_, problems);
}

}  // namespace gatehouse::core
