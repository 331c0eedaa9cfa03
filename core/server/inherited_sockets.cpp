#include "core/server/inherited_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "core/text/number.h"

namespace gatehouse::core {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START of sd-daemon.h

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

std::vector<InheritedSocket> take() {
  std::vector<InheritedSocket> sockets;
  // Another process's variables were inherited by accident.
  if (parse_number<pid_t>(variable("LISTEN_PID")) != ::getpid()) return sockets;
  const int count = parse_number<int>(variable("LISTEN_FDS")).value_or(0);
  std::string_view names = variable("LISTEN_FDNAMES");
  for (int fd = kFirst; fd < kFirst + count && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0; ++fd) {
    const std::size_t end = std::min(names.find(':'), names.size());
    sockets.push_back({std::string(names.substr(0, end)), fd});
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return sockets;
}

}  // namespace

const std::vector<InheritedSocket>& inherited_sockets() {
  static const std::vector<InheritedSocket> sockets = take();
  return sockets;
}

}  // namespace gatehouse::core
