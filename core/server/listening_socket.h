#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "core/config/settings.h"

namespace gatehouse::core {

class ListeningSocket;
using ListeningSockets = std::vector<std::shared_ptr<const ListeningSocket>>;

/// A socket on which connections arrive. At its end it is closed, and the file of a Unix socket is
/// removed. Control thread.
class ListeningSocket {
 public:
  /// Binds the sockets of `wanted`: one, or all that systemd has opened under its name. Those of
  /// this gateway, `open`, may have the same port, of another address: they will be closed. Throws
  /// std::runtime_error with the reason and the remedy.
  static ListeningSockets bind(const ListenSettings& wanted, const ListeningSockets& open);
  /// Why this machine or this user can never bind there; empty if they can, even if it is in use
  /// now, or if only systemd knows.
  static std::string check(const ListenSettings& wanted);

  /// Takes the descriptor.
  explicit ListeningSocket(int fd) : fd_(fd) {}
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  int fd() const { return fd_; }
  /// "127.0.0.1:3000", with the port that was bound, or "unix:/path".
  std::string address() const;
  /// Sets mode and owner of the file of a Unix socket. Throws std::runtime_error.
  void set_rights(const ListenSettings& settings) const;

 private:
  static std::shared_ptr<ListeningSocket> bind_tcp(const ListenSettings& wanted, bool shares_port);
  static std::shared_ptr<ListeningSocket> bind_unix(const ListenSettings& wanted);
  static ListeningSockets take_inherited(const std::string& name);
  void listen() const;
  std::uint16_t port() const;

  const int fd_;
  std::string path_;  // of a Unix socket that this process has bound
  ino_t inode_ = 0;   // of that
};

}  // namespace gatehouse::core
