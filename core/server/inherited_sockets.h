#pragma once

#include <string>
#include <vector>

namespace gatehouse::core {

/// A socket that systemd has opened for this process, and keeps open while the gateway restarts.
struct InheritedSocket {
  std::string name;  // FileDescriptorName= of its unit, by default the name of the unit
  int fd;            // open until the end of the process
};

/// All of them. The first call, on the control thread, takes them from the environment
/// (sd_listen_fds(3)).
const std::vector<InheritedSocket>& inherited_sockets();

}  // namespace gatehouse::core
