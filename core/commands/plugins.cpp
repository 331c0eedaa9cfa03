#include "core/commands/plugins.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <vector>

#include "core/config/schema.h"
#include "core/config/settings_table.h"
#include "core/loader/loader.h"

namespace gatehouse::core {
namespace {

/// "api_key (string, required)" and the description, for each key.
void print_settings(const std::string& schema) {
  for (const Setting& s : settings_of(schema)) {
    std::cout << "  " << s.key << " (" << (s.type.empty() ? "any" : s.type);
    if (!s.fallback.empty()) std::cout << ", default " << s.fallback;
    std::cout << (s.required ? ", required" : "") << ")\n      " << s.description << '\n';
  }
}

// Static objects of a plugin are constructed in milliseconds.
constexpr int kLongestLoadMs = 5000;

/// Writes why the plugin does not load. The process ends without destructors: only its parent's
/// output counts.
[[noreturn]] void load_in_child(PluginFile& plugin, int report) {
  std::string fault;
  try {
    (void)plugin.load();
  } catch (const std::exception& e) {
    fault = e.what();
  }
  const ssize_t written = ::write(report, fault.data(), fault.size());
  ::_exit(written < 0);
}

std::string read_to_end(int fd) {
  std::string text;
  char piece[4096];
  for (ssize_t got; (got = ::read(fd, piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<std::size_t>(got));
  return text;
}

/// Loads the plugin in a process of its own, since loading runs its code. Throws
/// std::runtime_error as PluginFile::load() does, and when that process crashes or hangs.
void try_to_load(PluginFile& plugin) {
  int ends[2];
  const pid_t child = ::pipe2(ends, O_CLOEXEC) == 0 ? ::fork() : -1;
  if (child < 0) throw std::runtime_error(std::string("cannot be loaded: ") + std::strerror(errno));
  if (child == 0) load_in_child(plugin, ends[1]);
  ::close(ends[1]);
  pollfd report{ends[0], POLLIN, 0};
  const bool hangs = ::poll(&report, 1, kLongestLoadMs) == 0;
  if (hangs) ::kill(child, SIGKILL);
  const std::string fault = read_to_end(ends[0]);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  constexpr const char* kWhere =
      ": look at its static objects and its functions with "
      "__attribute__((constructor))";
  if (hangs)
    throw std::runtime_error(std::string("did not return within 5 s when it was loaded") + kWhere);
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    throw std::runtime_error("died of signal " + std::to_string(number) + " (" +
                             ::strsignal(number) + ") when it was loaded" + kWhere);
  }
  if (!fault.empty()) throw std::runtime_error(fault);
}

}  // namespace

int list_plugins(const std::string& directory) {
  const std::filesystem::path folder =
      directory.empty() ? installed_plugins() : std::filesystem::path(directory);
  const auto files = plugins_in(folder);
  if (files.empty()) std::cerr << "there are no plugins in " << folder.string() << '\n';
  for (const auto& file : files) {
    try {
      const PluginFile plugin(file);
      const Note& note = plugin.note();
      std::cout << note.name << ' ' << note.version << "  " << note.summary << '\n';
    } catch (const std::runtime_error& e) {
      std::cout << file.string() << ' ' << e.what() << '\n';
    }
  }
  return 0;
}

int inspect_plugin(const std::string& file_or_name) {
  const std::filesystem::path file = plugin_file(file_or_name);
  try {
    PluginFile plugin(file);
    const Note& note = plugin.note();
    std::cout << note.name << ' ' << note.version << ": " << note.summary << "\nplugin interface "
              << note.abi_major << '.' << note.abi_minor << ", works with " << note.abi_major << '.'
              << note.needs << " and newer\nconfiguration:\n";
    const auto faults = schema_faults(note.schema);
    for (const std::string& fault : faults)
      std::cerr << file.string() << " has an invalid schema: " << fault << '\n';
    if (faults.empty()) print_settings(note.schema);
    std::cout << std::flush;  // the child has a copy of what is not written yet
    try_to_load(plugin);
    std::cout << "loads here: yes\n";
    return faults.empty() ? 0 : 1;
  } catch (const std::runtime_error& e) {
    std::cerr << file.string() << ' ' << e.what() << '\n';
    return 1;
  }
}

}  // namespace gatehouse::core
