#include "core/net/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/text/number.h"

namespace gatehouse::core {
namespace {

/// Empty if it is not set.
std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

ServiceManager::ServiceManager(pid_t main) : socket_(variable("NOTIFY_SOCKET")) {
  const std::string pid = variable("WATCHDOG_PID");
  const auto us = parse_number<std::int64_t>(variable("WATCHDOG_USEC"));
  if (us && (pid.empty() || pid == std::to_string(main)))
    watchdog_ = std::chrono::microseconds(*us) / 2;  // as sd_watchdog_enabled(3) recommends
}

void ServiceManager::send(const std::string& state) const {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof to.sun_path) return;
  std::memcpy(to.sun_path, socket_.data(), socket_.size());
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';  // the abstract namespace, unix(7)
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{1, 0};  // with a manager that does not read
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to),
           size);
  ::close(fd);
}

void ServiceManager::feed_watchdog() {
  send("WATCHDOG=1");
  due_ = Clock::now() + watchdog_;
}

}  // namespace gatehouse::core
