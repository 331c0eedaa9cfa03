#include "core/server/listening_socket.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "core/server/inherited_sockets.h"

// The mechanism: a Unix socket is bound under another name, gets its mode and owner, and is then
// renamed. So nobody can connect before its rights are set, the file that a killed gateway has left
// is replaced, and no client finds the path missing. Before that, an attempt to connect shows
// whether another program serves it. A port that this gateway itself uses at another address, such
// as 127.0.0.1:80 before 0.0.0.0:80, is bound with SO_REUSEPORT, which both sockets then have for a
// moment; otherwise no socket has it, so that a second gateway cannot share a port unnoticed.

namespace gatehouse::core {
namespace {

using Poco::Net::SocketAddress;

constexpr int kBacklog = 1024;

const char* remedy_of_port(int error) {
  switch (error) {
    case EACCES:
      return ": ports below 1024 need root; choose a higher one, or give the program the "
             "capability CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
      return ": this machine has no such address; 0.0.0.0 means every address it has";
    case EADDRINUSE: return ": another program listens there";
    default: return "";
  }
}

const char* remedy_of_path(int error) {
  switch (error) {
    case EACCES: return ": the user of the gateway must be able to write to the folder";
    case ENOENT: return ": create the folder, with systemd by RuntimeDirectory=";
    case EADDRINUSE: return ": another program listens there";
    default: return "";
  }
}

void check_call(int result) {
  if (result < 0) throw std::system_error(errno, std::generic_category());
}

int new_socket(int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  check_call(fd);
  return fd;
}

void set_option(int fd, int level, int name, int value) {
  check_call(::setsockopt(fd, level, name, &value, sizeof value));
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error(
        "the path is too long for a Unix socket: choose one of at most 100 "
        "bytes");
  path.copy(address.sun_path, path.size());
  return address;
}

/// Throws if something else is at the path of a Unix socket.
void check_free(const std::string& path) {
  struct stat s {};
  if (::lstat(path.c_str(), &s) != 0) return;
  if (!S_ISSOCK(s.st_mode))
    throw std::runtime_error("a file that is not a socket has this path: choose another path");
  const ListeningSocket probe(new_socket(AF_UNIX));
  const sockaddr_un address = unix_address(path);
  const auto* const any = reinterpret_cast<const sockaddr*>(&address);
  const bool is_served = ::connect(probe.fd(), any, sizeof address) == 0 || errno == EAGAIN;
  if (is_served) throw std::system_error(EADDRINUSE, std::generic_category());
}

/// -1: no owner or no group is set.
struct Owner {
  uid_t user = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
};

Owner owner_of(const ListenSettings& settings) {
  Owner owner;
  if (!settings.user.empty()) {
    const passwd* const found = ::getpwnam(settings.user.c_str());
    if (!found) throw std::runtime_error("this machine has no user `" + settings.user + "`");
    owner.user = found->pw_uid;
  }
  if (!settings.group.empty()) {
    const group* const found = ::getgrnam(settings.group.c_str());
    if (!found) throw std::runtime_error("this machine has no group `" + settings.group + "`");
    owner.group = found->gr_gid;
  }
  return owner;
}

void set_rights_of(const std::string& path, const ListenSettings& settings) {
  const Owner owner = owner_of(settings);
  check_call(::chmod(path.c_str(), settings.mode));
  // Without an owner the call would change nothing, but a service may lack it (SystemCallFilter=).
  const bool has_owner = !settings.user.empty() || !settings.group.empty();
  if (has_owner && ::lchown(path.c_str(), owner.user, owner.group) != 0)
    throw std::runtime_error(
        std::string("its owner cannot be set: ") + std::strerror(errno) +
        ": only root can give a file to another user; others can set one of their groups");
}

/// The reason, and the remedy if there is one.
std::string failure(const std::exception& e, const ListenSettings& wanted) {
  if (const auto* const system = dynamic_cast<const std::system_error*>(&e)) {
    const int error = system->code().value();
    return std::strerror(error) +
           std::string(wanted.path.empty() ? remedy_of_port(error) : remedy_of_path(error));
  }
  const auto* const poco = dynamic_cast<const Poco::Exception*>(&e);
  return poco ? poco->displayText() : e.what();
}

int option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

/// Lets other sockets of this user bind the ports of `sockets` for as long as this lives.
class SharedPorts {
 public:
  explicit SharedPorts(ListeningSockets sockets) : sockets_(std::move(sockets)) { share(1); }
  ~SharedPorts() { share(0); }
  SharedPorts(const SharedPorts&) = delete;

 private:
  void share(int on) const {
    for (const auto& socket : sockets_)
      ::setsockopt(socket->fd(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }

  const ListeningSockets sockets_;
};

}  // namespace

ListeningSocket::~ListeningSocket() {
  struct stat s {};
  const bool is_its_file = !path_.empty() && ::lstat(path_.c_str(), &s) == 0 && s.st_ino == inode_;
  if (is_its_file) ::unlink(path_.c_str());  // not that of a gateway that has replaced it
  ::close(fd_);
}

ListeningSockets ListeningSocket::bind(const ListenSettings& wanted, const ListeningSockets& open) {
  try {
    if (!wanted.systemd.empty()) return take_inherited(wanted.systemd);
    if (!wanted.path.empty()) return {bind_unix(wanted)};
    ListeningSockets same_port;
    std::copy_if(open.begin(), open.end(), std::back_inserter(same_port), [&](const auto& socket) {
      return wanted.port != 0 && socket->port() == wanted.port;
    });
    const bool shares = !same_port.empty();
    const SharedPorts shared(std::move(same_port));
    const auto socket = bind_tcp(wanted, shares);
    socket->listen();
    if (shares) set_option(socket->fd(), SOL_SOCKET, SO_REUSEPORT, 0);
    return {socket};
  } catch (const std::exception& e) {
    throw std::runtime_error("cannot listen on " + wanted.name() + ": " + failure(e, wanted));
  }
}

std::string ListeningSocket::check(const ListenSettings& wanted) {
  try {
    if (!wanted.systemd.empty()) return "";
    if (wanted.path.empty()) {
      (void)bind_tcp(wanted, false);
      return "";
    }
    const auto folder = std::filesystem::path(wanted.path).parent_path();
    check_call(::access(folder.c_str(), W_OK | X_OK));
    (void)unix_address(wanted.path + ".new");
    (void)owner_of(wanted);
    check_free(wanted.path);
    return "";
  } catch (const std::exception& e) {
    const auto* const system = dynamic_cast<const std::system_error*>(&e);
    return system && system->code().value() == EADDRINUSE ? "" : failure(e, wanted);
  }
}

std::string ListeningSocket::address() const {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  auto* const any = reinterpret_cast<sockaddr*>(&bound);
  if (!path_.empty() || ::getsockname(fd_, any, &size) != 0) return "unix:" + path_;
  if (any->sa_family != AF_UNIX) return SocketAddress(any, size).toString();
  const char* const path = reinterpret_cast<const sockaddr_un*>(any)->sun_path;
  return "unix:" + std::string(path, ::strnlen(path, size - offsetof(sockaddr_un, sun_path)));
}

void ListeningSocket::set_rights(const ListenSettings& settings) const {
  if (!path_.empty()) set_rights_of(path_, settings);
}

std::shared_ptr<ListeningSocket> ListeningSocket::bind_tcp(const ListenSettings& wanted,
                                                           bool shares_port) {
  const SocketAddress address(wanted.host, wanted.port);
  auto socket = std::make_shared<ListeningSocket>(new_socket(address.af()));
  set_option(socket->fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(socket->fd(), IPPROTO_TCP, TCP_NODELAY, 1);  // accepted connections inherit it
  if (shares_port) set_option(socket->fd(), SOL_SOCKET, SO_REUSEPORT, 1);
  check_call(::bind(socket->fd(), address.addr(), address.length()));
  return socket;
}

std::shared_ptr<ListeningSocket> ListeningSocket::bind_unix(const ListenSettings& wanted) {
  check_free(wanted.path);
  const std::string fresh = wanted.path + ".new";
  const sockaddr_un address = unix_address(fresh);
  auto socket = std::make_shared<ListeningSocket>(new_socket(AF_UNIX));
  ::unlink(fresh.c_str());
  check_call(::bind(socket->fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  set_rights_of(fresh, wanted);
  socket->listen();
  struct stat s {};
  check_call(::lstat(fresh.c_str(), &s));
  check_call(::rename(fresh.c_str(), wanted.path.c_str()));
  socket->path_ = wanted.path;
  socket->inode_ = s.st_ino;
  return socket;
}

ListeningSockets ListeningSocket::take_inherited(const std::string& name) {
  ListeningSockets sockets;
  std::string names;
  for (const InheritedSocket& inherited : inherited_sockets()) {
    names.append(names.empty() ? "" : ", ").append(inherited.name);
    if (inherited.name != name) continue;
    const int fd = ::fcntl(inherited.fd, F_DUPFD_CLOEXEC, 0);
    check_call(fd);
    sockets.push_back(std::make_shared<ListeningSocket>(fd));
    if (option(fd, SO_ACCEPTCONN) != 1 || option(fd, SO_TYPE) != SOCK_STREAM)
      throw std::runtime_error(
          "it is not a socket that listens for streams: the unit needs ListenStream= and "
          "Accept=no");
    check_call(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK));
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails for a Unix socket
  }
  if (sockets.empty())
    throw std::runtime_error(
        "systemd has passed " + (names.empty() ? "no socket" : "only the sockets " + names) +
        ": enable a socket unit with Service= of this service and FileDescriptorName=" + name);
  return sockets;
}

void ListeningSocket::listen() const { check_call(::listen(fd_, kBacklog)); }

/// 0: it has none.
std::uint16_t ListeningSocket::port() const {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  if (bound.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  return bound.ss_family == AF_INET6 ? ntohs(reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port)
                                     : 0;
}

}  // namespace gatehouse::core
