#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/config/settings.h"
#include "core/store/redis_connection.h"
#include "tests/core/scripted_server.h"

namespace gatehouse::core {

/// A redis-server for one test, with an empty database, on a free port of 127.0.0.1.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> options = {}, std::string password = {},
                       bool tls = false)
      : options_(std::move(options)) {
    settings.host = "127.0.0.1";
    settings.password = std::move(password);
    settings.tls = tls;
    settings.port = static_cast<std::uint16_t>(std::stoi(Listener().port()));
    start();
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer() { stop(); }

  /// On the same port, with an empty database.
  void start() {
    std::filesystem::create_directories(folder_.path);
    const std::string port = std::to_string(settings.port);
    std::vector<std::string> words{"redis-server", "--port", settings.tls ? "0" : port, "--bind",
                                   "127.0.0.1"};
    words.insert(words.end(), {"--dir", folder_.path, "--save", "", "--daemonize", "no",
                               "--logfile", folder_.path + "/log"});
    if (settings.tls) words.insert(words.end(), {"--tls-port", port});
    if (!settings.password.empty()) words.insert(words.end(), {"--requirepass", settings.password});
    words.insert(words.end(), options_.begin(), options_.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    wait_until_ready();
  }
  void stop() {
    if (process_ > 0) ::kill(process_, SIGKILL);
    if (process_ > 0) ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }
  void freeze() const { ::kill(process_, SIGSTOP); }
  void thaw() const { ::kill(process_, SIGCONT); }

  RedisReply execute(const std::vector<std::string_view>& command) const {
    const auto deadline = Clock::now() + std::chrono::seconds(5);
    const auto connection = RedisConnection::open(settings, deadline);
    if (!connection) throw std::runtime_error("redis-server: " + connection.error().detail);
    const auto reply = (*connection)->execute(command, deadline);
    if (!reply) throw std::runtime_error("redis-server: " + reply.error().detail);
    return *reply;
  }

  StoreSettings::Redis settings;

 private:
  void wait_until_ready() {
    const auto until = Clock::now() + std::chrono::seconds(10);
    for (; Clock::now() < until; std::this_thread::yield()) {
      if (RedisConnection::open(settings, until)) return;
      int status = 0;
      if (::waitpid(process_, &status, WNOHANG) != process_) continue;
      process_ = -1;
      const bool is_missing = WIFEXITED(status) && WEXITSTATUS(status) == 127;
      throw std::runtime_error(is_missing
                                   ? "this test needs redis-server: apt-get install redis-server"
                                   : "redis-server does not start");
    }
    stop();
    throw std::runtime_error("redis-server does not respond");
  }

  const std::vector<std::string> options_;
  const struct Folder {
    const std::string path =
        std::filesystem::temp_directory_path() /
        ("gatehouse_redis." + std::to_string(::getpid()) + "." + Listener().port());
    ~Folder() { std::filesystem::remove_all(path); }
  } folder_;
  pid_t process_ = -1;
};

}  // namespace gatehouse::core
