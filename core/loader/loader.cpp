#define BOOST_DLL_USE_STD_FS
#include "core/loader/loader.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <boost/dll/shared_library.hpp>
#include <cstddef>
#include <cstring>
#include <map>
#include <stdexcept>

namespace gatehouse::core {
namespace {

struct Loaded {
  boost::dll::shared_library library;
  std::filesystem::file_time_type changed;
  const gh_plugin* plugin;
};

const gh_plugin& entry_of(const boost::dll::shared_library& library) {
  if (!library.has("gatehouse_plugin_v1")) throw std::runtime_error("exports no gatehouse_plugin_v1");
  const auto& plugin = library.get<const gh_plugin>("gatehouse_plugin_v1");
  if (plugin.magic != GH_MAGIC || plugin.size < offsetof(gh_plugin, refused) || plugin.abi_major != GH_ABI_MAJOR) {
    throw std::runtime_error("has a damaged gatehouse_plugin_v1");
  }
  if (!plugin.name || !plugin.create || !plugin.handle || !plugin.destroy) {
    throw std::runtime_error("leaves out name, create, handle or destroy in gatehouse_plugin_v1");
  }
  return plugin;
}

/// dlerror()'s text, without what Boost.DLL wraps around it.
std::string reason(const std::exception& e) {
  std::string text = e.what();
  if (const auto from = text.find(": /"); from != text.npos) text = text.substr(from + 2);
  if (const auto end = text.rfind(": "); end != text.npos && text.find(" file", end) == text.npos) text = text.substr(0, end);
  return text;
}

}  // namespace

Note check_plugin(const std::filesystem::path& file) {
  struct stat s {};
  if (::stat(file.c_str(), &s) != 0) throw std::runtime_error(std::string("cannot be read: ") + std::strerror(errno));
  if (s.st_mode & S_IWOTH) throw std::runtime_error("can be written by everybody: remove that permission, a plugin runs with all rights of the gateway");
  Note note = read_note(file);
  if (note.abi_major != GH_ABI_MAJOR) {
    throw std::runtime_error("was built for version " + std::to_string(note.abi_major) + " of the plugin interface; this gateway has version " + std::to_string(GH_ABI_MAJOR));
  }
  if (note.needs > GH_ABI_MINOR) {
    throw std::runtime_error("needs version " + std::to_string(GH_ABI_MAJOR) + "." + std::to_string(note.needs) + " of the plugin interface; this gateway has " +
                             std::to_string(GH_ABI_MAJOR) + "." + std::to_string(GH_ABI_MINOR));
  }
  return note;
}

const gh_plugin& load_plugin(const std::filesystem::path& file) {
  // Never destroyed: see the header. Used on the control thread only.
  static auto& loaded = *new std::map<std::filesystem::path, Loaded>;
  const auto path = std::filesystem::canonical(file);
  const auto changed = std::filesystem::last_write_time(path);
  if (const auto known = loaded.find(path); known != loaded.end()) {
    if (known->second.changed != changed) throw std::runtime_error("has changed since it was loaded: restart the gateway to use it");
    return *known->second.plugin;
  }
  namespace mode = boost::dll::load_mode;
  const auto flags = mode::rtld_now | mode::rtld_local | static_cast<mode::type>(RTLD_NODELETE);
  try {
    boost::dll::shared_library library(path, flags);
    const gh_plugin& plugin = entry_of(library);
    return *loaded.emplace(path, Loaded{std::move(library), changed, &plugin}).first->second.plugin;
  } catch (const boost::dll::fs::system_error& e) {
    throw std::runtime_error("cannot be loaded: " + reason(e));
  }
}

std::filesystem::path installed_plugins() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "lib/gatehouse/plugins";
}

}  // namespace gatehouse::core
