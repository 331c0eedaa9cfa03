#define BOOST_DLL_USE_STD_FS
#include "core/loader/loader.h"

// A plugin is loaded from a copy of its file in memory, under a name that was never used before, so
// that what happens to the file afterwards does not matter and dlopen() never returns code that it
// knows by that name. When the file has changed, its new content is loaded beside the old one. Who
// holds the pointer that load() returns keeps the code mapped: the instances of a pipeline do. With
// the last one, code with GH_PLUGIN_UNLOADS is unmapped; other code stays, and is used again if the
// same bytes are loaded once more.

#include <cxxabi.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <openssl/sha.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "core/net/activity.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {

namespace fs = std::filesystem;

/// The content of a plugin's file, before and after it is loaded.
struct PluginCode {
  Note note;
  std::string sha256;  // of the file, in hexadecimal
  std::string bytes;   // of the file, until they are loaded
  boost::dll::shared_library library;
  const gh_plugin* plugin = nullptr;  // once it is loaded
};

namespace {

constexpr std::size_t kMaxFile = 1u << 30;

struct Known {
  FileStamp stamp;
  std::weak_ptr<PluginCode> code;
};

/// The code that was last loaded from each path.
std::map<fs::path, Known>& known_files() {
  static auto& files = *new std::map<fs::path, Known>;
  return files;
}

/// Loaded code that is never unloaded. Not destroyed at exit either: its threads may still run.
std::vector<std::shared_ptr<PluginCode>>& kept() {
  static auto& all = *new std::vector<std::shared_ptr<PluginCode>>;
  return all;
}

/// Loaded code of the same bytes, or null.
std::shared_ptr<PluginCode> loaded_before(const std::string& sha256) {
  for (const auto& code : kept()) {
    if (code->sha256 == sha256) return code;
  }
  for (const auto& [path, known] : known_files()) {
    if (auto code = known.code.lock(); code && code->sha256 == sha256) return code;
  }
  return nullptr;
}

[[noreturn]] void cannot_be(const char* what) {
  throw std::runtime_error(std::string("cannot be ") + what + ": " + std::strerror(errno));
}

struct Fd {
  explicit Fd(int number) : fd(number) {}
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
  Fd(const Fd&) = delete;

  const int fd;
};

std::string read_all(const Fd& file, std::size_t size) {
  if (size > kMaxFile) throw std::runtime_error("is larger than 1 GiB");
  std::string bytes(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::read(file.fd, bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) cannot_be("read");
    if (got == 0) throw std::runtime_error("is truncated");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

void check_version(const Note& note) {
  const std::string major = std::to_string(GH_ABI_MAJOR);
  if (note.abi_major != GH_ABI_MAJOR) {
    throw std::runtime_error("was built for version " + std::to_string(note.abi_major) +
                             " of the plugin interface; this gateway has version " + major);
  }
  if (note.needs > GH_ABI_MINOR) {
    throw std::runtime_error("needs version " + major + "." + std::to_string(note.needs) +
                             " of the plugin interface; this gateway has " + major + "." +
                             std::to_string(GH_ABI_MINOR) +
                             ": build it with a smaller GATEHOUSE_NEEDS, or upgrade the gateway");
  }
}

/// The current content of the file, and its stamp.
std::shared_ptr<PluginCode> read_code(const fs::path& path, FileStamp& stamp) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat before {
  }, after{};
  if (file.fd < 0 || ::fstat(file.fd, &before) != 0) cannot_be("read");
  if (before.st_mode & S_IWOTH) {
    throw std::runtime_error(
        "is world-writable: run `chmod o-w`; plugins run with the gateway's privileges");
  }
  auto code = std::make_shared<PluginCode>();
  code->bytes = read_all(file, static_cast<std::size_t>(before.st_size));
  stamp = stamp_of(before);
  if (::fstat(file.fd, &after) != 0 || stamp_of(after) != stamp) {
    throw std::runtime_error("is being written: try again when the copy is complete");
  }
  code->note = read_note(code->bytes);
  check_version(code->note);
  Digest digest;
  ::SHA256(reinterpret_cast<const unsigned char*>(code->bytes.data()), code->bytes.size(),
           digest.data());
  code->sha256 = hex(digest);
  return code;
}

/// The entry must agree with the note, which was read before anything ran.
void compare(const gh_plugin& plugin, const Note& note) {
  const auto differs = [](const char* what, const std::string& in_note, const char* in_entry) {
    if (in_note == in_entry) return;
    throw std::runtime_error(std::string("has the ") + what + " " + in_note + " in its note and " +
                             in_entry + " in gatehouse_plugin_v1: make both from the same text");
  };
  differs("name", note.name, plugin.name);
  differs("version", note.version, plugin.version ? plugin.version : "(none)");
  differs("needed version", std::to_string(note.needs), std::to_string(plugin.abi_needs).c_str());
}

/// What every 1.x plugin has; members that its minor version lacks count as NULL.
const gh_plugin& entry_of(const boost::dll::shared_library& library, const Note& note) {
  if (!library.has("gatehouse_plugin_v1"))
    throw std::runtime_error("exports no gatehouse_plugin_v1");
  const auto& plugin = library.get<const gh_plugin>("gatehouse_plugin_v1");
  if (plugin.magic != GH_MAGIC || !GH_HAS(gh_plugin, &plugin, destroy) ||
      plugin.abi_major != GH_ABI_MAJOR) {
    throw std::runtime_error(
        "has a damaged gatehouse_plugin_v1: magic, size or abi_major are not those of version 1");
  }
  if (!plugin.name || !plugin.create || !plugin.handle || !plugin.destroy) {
    throw std::runtime_error("leaves out name, create, handle or destroy in gatehouse_plugin_v1");
  }
  compare(plugin, note);
  return plugin;
}

/// dlerror()'s text, without what Boost.DLL writes around it and without the name of the copy.
std::string reason(const std::exception& e, const std::string& copy) {
  constexpr std::string_view kBefore = "message: ", kBehind = "): ";
  std::string text = e.what();
  if (const auto end = text.rfind(kBehind); end != text.npos) text.resize(end);
  if (const auto from = text.find(kBefore); from != text.npos) text.erase(0, from + kBefore.size());
  if (const auto at = text.find(copy + ": "); at != text.npos) text.erase(at, copy.size() + 2);
  return text;
}

/// "undefined symbol: _Z3onei" with the name as its author wrote it, and what to do.
std::string explained(std::string text) {
  constexpr std::string_view kBefore = "undefined symbol: ";
  const auto at = text.find(kBefore);
  if (at == text.npos) return text;
  const std::string symbol = text.substr(at + kBefore.size());
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free);
  return text.substr(0, at) + std::string(kBefore) + (readable ? readable.get() : symbol.c_str()) +
         ": link the library that defines it into the plugin, and link with -Wl,-z,defs";
}

/// A name of the descriptor that dlopen() has not seen: it takes a known name for the same file,
/// and descriptor numbers are reused.
std::string fresh_name(const Fd& file) {
  static std::uint64_t count = 0;
  std::string name = "/proc/self/fd";
  for (std::uint64_t digits = ++count; digits > 0; digits /= 2) name += digits % 2 ? "/." : "/";
  return name + '/' + std::to_string(file.fd);
}

/// The name that debuggers, dladdr() and the report of a crash show; freed when the code is
/// unloaded.
void set_name(const boost::dll::shared_library& library, const fs::path& path) {
  link_map* map = nullptr;
  if (::dlinfo(library.native(), RTLD_DI_LINKMAP, &map) != 0) return;
  std::free(std::exchange(map->l_name, ::strdup(path.c_str())));
}

/// Loads from a file in memory, which no other process can write to and which needs no writable
/// folder.
void load_copy(const std::shared_ptr<PluginCode>& code, const fs::path& path) {
  const Fd file(::memfd_create(path.filename().c_str(), MFD_CLOEXEC));
  if (file.fd < 0) cannot_be("copied");
  for (std::string_view left = code->bytes; !left.empty();) {
    const ssize_t put = ::write(file.fd, left.data(), left.size());
    if (put < 0) cannot_be("copied");
    left.remove_prefix(static_cast<std::size_t>(put));
  }
  const std::string copy = fresh_name(file);
  namespace mode = boost::dll::load_mode;
  const InPlugin in(PluginLabel::of(code->note.name, code->note.version), "loading it");
  try {
    code->library.load(copy, mode::rtld_now | mode::rtld_local);
  } catch (const boost::dll::fs::system_error& e) {
    throw std::runtime_error("cannot be loaded: " + explained(reason(e, copy)));
  }
  kept().push_back(code);  // its static objects have run: only its flag shows that it unloads
  set_name(code->library, path);
  code->plugin = &entry_of(code->library, code->note);
  code->bytes.clear();
  code->bytes.shrink_to_fit();  // assignment would keep the memory, as large as the file
  if (code->plugin->flags & GH_PLUGIN_UNLOADS) kept().pop_back();
}

}  // namespace

PluginFile::PluginFile(const fs::path& file)
    : path_(fs::absolute(file).lexically_normal()), stamp_{} {
  const auto known = known_files().find(path_);
  const auto old = known == known_files().end() ? nullptr : known->second.code.lock();
  struct stat now {};
  if (old && ::stat(path_.c_str(), &now) == 0 && stamp_of(now) == known->second.stamp) {
    stamp_ = known->second.stamp;
    code_ = old;
    return;
  }
  try {
    code_ = read_code(path_, stamp_);
  } catch (const std::runtime_error& e) {
    if (!old) throw;
    code_ = old;
    warning_ = std::string(e.what()) + ": version " + old->note.version +
               ", which was loaded from it before, stays in use";
  }
}

const Note& PluginFile::note() const { return code_->note; }

const std::string& PluginFile::sha256() const { return code_->sha256; }

std::shared_ptr<const gh_plugin> PluginFile::load() {
  if (auto same = loaded_before(code_->sha256)) code_ = std::move(same);
  if (!code_->plugin) {
    load_copy(code_, path_);
    is_fresh_ = true;
  }
  if (warning_.empty()) known_files()[path_] = {stamp_, code_};
  return {code_, code_->plugin};
}

std::vector<fs::path> plugins_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".so") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

fs::path plugin_file(const std::string& path_or_name) {
  const bool is_name =
      path_or_name.find_first_of("./") == std::string::npos && !fs::exists(path_or_name);
  return is_name ? installed_plugins() / (path_or_name + ".so") : fs::path(path_or_name);
}

fs::path installed_plugins() {
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "lib/gatehouse/plugins";
}

}  // namespace gatehouse::core
