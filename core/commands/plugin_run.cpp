#include "core/commands/plugin_run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "core/commands/plugin_settings.h"
#include "core/commands/serve.h"
#include "core/loader/file_stamp.h"
#include "core/loader/loader.h"
#include "core/testing/trial.h"
#include "gatehouse/abi.h"
#include "templates.h"  // made from plugin_run.yaml: kPluginRun

// The gateway runs in a child process with a generated configuration. The parent forwards its log
// and the signals, watches the files and sends SIGHUP when one has changed.

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kTickMs = 250;

std::system_error failure(const char* what) {
  return std::system_error(errno, std::generic_category(), what);
}

std::string replaced(std::string text, std::string_view mark, const std::string& with) {
  if (const auto at = text.find(mark); at != text.npos) text.replace(at, mark.size(), with);
  return text;
}

/// `text` without the line that `mark` stands in, and without what follows if `to_end`.
std::string without(std::string text, std::string_view mark, bool to_end = false) {
  const auto at = text.find(mark);
  if (at == text.npos) return text;
  const auto begin = text.rfind('\n', at) + 1;
  return text.erase(begin, to_end ? text.npos : text.find('\n', at) + 1 - begin);
}

/// The folder of the generated configuration, removed at the end.
class Folder {
 public:
  Folder() : path_((fs::temp_directory_path() / "gatehouse-XXXXXX").string()) {
    if (!::mkdtemp(path_.data())) throw failure("cannot make a temporary folder");
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;

  std::string config() const { return path_ + "/gatehouse.yaml"; }

 private:
  std::string path_;
};

/// The plugin in its gateway.
class Scene {
 public:
  explicit Scene(const PluginRun& wanted)
      : wanted_(wanted), file_(fs::absolute(plugin_file(wanted.file)).string()) {
    PluginFile plugin(file_);
    name_ = plugin.note().name;
    const Creation creation = try_to_create(plugin, read_settings(wanted.config)).creation;
    flags_ = creation.flags;
    if (!creation.routes.empty()) route_ = creation.routes[0];
  }

  void write_config() const {
    const Json entry = {{name_, Json::parse(read_settings(wanted_.config))}, {"path", file_}};
    const bool is_below = (flags_ & GH_PLUGIN_CHAT) != 0;
    std::string text = replaced(std::string(kPluginRun), "@LISTEN@", wanted_.listen);
    text = without(std::move(text), is_below ? "@ABOVE@" : "@BELOW@");
    const std::string mark = is_below ? "@BELOW@" : "@ABOVE@";
    const bool is_provider = (flags_ & GH_PLUGIN_PROVIDER) != 0;
    if (is_provider) text = without(std::move(text), "simulator", true);
    text = replaced(std::move(text), mark, entry.dump());
    std::ofstream(folder_.config()) << text;
  }
  std::string config() const { return folder_.config(); }

  /// A request that reaches the plugin.
  std::string curl(const std::string& address) const {
    const std::string_view first = kPluginRun.substr(2, kPluginRun.find('\n') - 2);
    if (route_.empty()) return replaced(std::string(first), "@ADDRESS@", address);
    const auto blank = route_.find(' ');
    const std::string method = route_.substr(0, blank);
    return "curl -N -X " + method + (method == "GET" ? "" : " -d 'Hello!'") + " 'http://" +
           address + route_.substr(blank + 1) + "'";
  }

  /// Changes with the file of the plugin and that of its settings.
  std::array<FileStamp, 2> stamps() const {
    return {stamp(file_), wanted_.config.empty() ? FileStamp() : stamp(wanted_.config)};
  }

 private:
  static FileStamp stamp(const std::string& path) {
    struct stat s {};
    return ::stat(path.c_str(), &s) == 0 ? stamp_of(s) : FileStamp();
  }

  const PluginRun wanted_;
  const std::string file_;
  const Folder folder_;
  std::string name_, route_;
  std::uint32_t flags_ = 0;
};

/// The gateway in its child process, and the parent's loop.
class Runner {
 public:
  explicit Runner(const Scene& scene) : scene_(scene), seen_(scene.stamps()), pending_(seen_) {
    ::sigemptyset(&signals_);
    for (const int s : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) ::sigaddset(&signals_, s);
    ::sigprocmask(SIG_BLOCK, &signals_, &before_);
    signal_fd_ = ::signalfd(-1, &signals_, SFD_CLOEXEC);
    int ends[2];
    child_ = signal_fd_ >= 0 && ::pipe2(ends, O_CLOEXEC) == 0 ? ::fork() : -1;
    if (child_ < 0) throw failure("cannot start a child process");
    if (child_ == 0) serve_in_child(ends[1]);
    ::close(ends[1]);
    log_fd_ = ends[0];
  }

  /// Until the gateway has ended; returns its exit status.
  int run() {
    for (std::array<pollfd, 2> fds;;) {
      fds = {pollfd{log_fd_, POLLIN, 0}, pollfd{signal_fd_, POLLIN, 0}};
      (void)::poll(fds.data(), fds.size(), kTickMs);
      if (fds[1].revents != 0) forward_signal();
      if (fds[0].revents != 0 && !forward_log()) break;
      reload_if_changed();
    }
    int status = 0;
    ::waitpid(child_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  [[noreturn]] void serve_in_child(int log) {
    ::setpgid(0, 0);  // so that the signals of a terminal arrive once, from the parent
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    int status = 1;
    try {
      status = serve(scene_.config(), {});
    } catch (const std::exception& e) {
      std::cerr << "gatehouse: " << e.what() << std::endl;
    }
    ::_exit(status);
  }

  void forward_signal() const {
    signalfd_siginfo info{};
    if (::read(signal_fd_, &info, sizeof info) == sizeof info)
      ::kill(child_, static_cast<int>(info.ssi_signo));
  }

  /// False: the log has ended.
  bool forward_log() {
    char piece[4096];
    const ssize_t got = ::read(log_fd_, piece, sizeof piece);
    if (got <= 0) return got < 0 && errno == EINTR;
    rest_.append(piece, static_cast<std::size_t>(got));
    for (std::size_t end; (end = rest_.find('\n')) != rest_.npos; rest_.erase(0, end + 1))
      show(rest_.substr(0, end));
    return true;
  }
  void show(const std::string& line) const {
    std::cout << line << '\n';
    const Json record = Json::parse(line, nullptr, false);
    if (record.is_object() && record.value("message", "") == "listening") {
      std::cout << "\nTry it; a new build of the plugin is used at once, Ctrl-C ends:\n\n  "
                << scene_.curl(record.value("address", "")) << "\n\n";
    }
    std::cout << std::flush;
  }

  /// A file that is being written changes from one tick to the next: only then is it complete.
  void reload_if_changed() {
    const auto now = scene_.stamps();
    if (now == seen_ || std::exchange(pending_, now) != now) return;
    seen_ = now;
    try {
      scene_.write_config();
      ::kill(child_, SIGHUP);
    } catch (const std::exception& e) {
      std::cerr << "gatehouse: not reloaded: " << e.what() << std::endl;
    }
  }

  const Scene& scene_;
  sigset_t signals_, before_;
  int signal_fd_ = -1, log_fd_ = -1;
  pid_t child_ = -1;
  std::string rest_;  // of a line of the log that is not complete
  std::array<FileStamp, 2> seen_, pending_;
};

}  // namespace

int run_plugin(const PluginRun& wanted) {
  std::optional<Scene> scene;
  try {
    scene.emplace(wanted);
  } catch (const std::runtime_error& e) {
    std::cerr << wanted.file << ' ' << e.what() << '\n';
    return 1;
  }
  scene->write_config();
  return Runner(*scene).run();
}

}  // namespace gatehouse::core
