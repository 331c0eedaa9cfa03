#include "core/commands/plugin_check.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "core/commands/plugin_settings.h"
#include "core/config/config.h"
#include "core/config/schema.h"
#include "core/loader/elf_file.h"
#include "core/loader/loader.h"
#include "core/testing/trial.h"

namespace gatehouse::core {
namespace {

using Findings = std::vector<Finding>;

/// The newest versions that Debian 12 has: glibc 2.36 and the libstdc++ of GCC 12.
struct Floor {
  const char* prefix;
  int major, minor, patch;
};
constexpr Floor kDebian12[] = {{"GLIBC_", 2, 36, 0}, {"GLIBCXX_", 3, 4, 30}, {"CXXABI_", 1, 3, 13}};

bool is_newer(const std::string& version, const Floor& floor) {
  const std::size_t prefix = std::char_traits<char>::length(floor.prefix);
  if (version.compare(0, prefix, floor.prefix) != 0) return false;
  int major = 0, minor = 0, patch = 0;
  if (std::sscanf(version.c_str() + prefix, "%d.%d.%d", &major, &minor, &patch) < 2) return false;
  return std::tie(major, minor, patch) > std::tie(floor.major, floor.minor, floor.patch);
}

void check_versions(const ElfFile& elf, Findings& out) {
  for (const std::string& version : elf.versions) {
    const auto newer = [&](const Floor& floor) { return is_newer(version, floor); };
    if (std::none_of(std::begin(kDebian12), std::end(kDebian12), newer)) continue;
    out.push_back({"warning", "newer_library", "file",
                   "it needs " + version + ", which Debian 12 does not have",
                   "build it on Debian 12 to run there"});
  }
}

void check_symbols(const ElfFile& elf, Findings& out) {
  std::vector<std::string> further = elf.exported;
  further.erase(std::remove(further.begin(), further.end(), "gatehouse_plugin_v1"), further.end());
  if (!further.empty()) {
    out.push_back({"warning", "exported_symbols", "file",
                   "it exports " + std::to_string(further.size()) +
                       " symbols beside gatehouse_plugin_v1, such as " + further[0],
                   "link it with the version script of the SDK, cmake/plugin.map"});
  }
  if (elf.unique > 0) {
    out.push_back({"warning", "unique_symbols", "file",
                   std::to_string(elf.unique) +
                       " of its symbols are unique in the process (STB_GNU_UNIQUE), so other "
                       "plugins share them",
                   "compile with -fvisibility=hidden, or with -fno-gnu-unique"});
  }
}

void check_linking(const ElfFile& elf, Findings& out) {
  if (elf.executable_stack) {
    out.push_back({"error", "executable_stack", "file",
                   "it makes the stacks of the gateway executable",
                   "link with -z noexecstack; assembly needs a section .note.GNU-stack"});
  }
  if (elf.text_relocations) {
    out.push_back({"error", "text_relocations", "file",
                   "its code has relocations, so that it must be writable",
                   "compile all of it with -fPIC and link with -z text"});
  }
  for (const std::string& path : elf.run_paths) {
    if (path.find("$ORIGIN") == path.npos) continue;
    out.push_back({"warning", "origin", "file",
                   "its run path " + path + " leads nowhere: plugins are loaded from memory",
                   "link its libraries statically, or name their folder"});
  }
}

void check_file(const PluginFile& file, Findings& out) {
  const ElfFile elf = read_elf(file.path());
  check_symbols(elf, out);
  check_versions(elf, out);
  check_linking(elf, out);
  if (const std::string who = others_who_write(file.path()); !who.empty()) {
    out.push_back({"warning", "writable", "file",
                   "it can be written by " + who + ", who can run code as the gateway",
                   "run chmod go-w on it"});
  }
  for (const std::string& fault : schema_faults(file.note().schema))
    out.push_back({"error", "schema", "schema", fault, "correct schema.json"});
}

Findings findings_of(const std::filesystem::path& path, const std::string& config) {
  Findings out;
  try {
    PluginFile file(path);
    check_file(file, out);
    const auto is_of_schema = [](const Finding& f) { return f.code == "schema"; };
    if (std::any_of(out.begin(), out.end(), is_of_schema)) return out;
    for (Finding& f : try_to_serve(file, config).findings) out.push_back(std::move(f));
  } catch (const std::runtime_error& e) {
    out.push_back({"error", "file", "file", e.what(), "build it with the SDK for this gateway"});
  }
  return out;
}

void print(const std::string& file, const Findings& findings) {
  for (const Finding& f : findings) {
    std::cerr << file << ": " << f.severity << ": " << f.where << ": " << f.text
              << (f.remedy.empty() ? "" : ": " + f.remedy) << " [" << f.code << "]\n";
  }
}

}  // namespace

int check_plugin(const PluginCheck& wanted) {
  const std::filesystem::path path = plugin_file(wanted.file);
  const Findings findings = findings_of(path, read_settings(wanted.config));
  const auto is_error = [](const Finding& f) { return f.severity == "error"; };
  const bool ok = std::none_of(findings.begin(), findings.end(), is_error);
  if (wanted.as_json) {
    const nlohmann::ordered_json report = {
        {"ok", ok}, {"file", path.string()}, {"findings", findings}};
    std::cout << to_text(report, 2) << '\n';
  } else {
    print(path.string(), findings);
    if (ok) std::cout << path.string() << ": ok\n";
  }
  return ok ? 0 : 1;
}

}  // namespace gatehouse::core
