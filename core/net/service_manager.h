#pragma once

#include <sys/types.h>

#include <string>

#include "core/net/wait.h"

namespace gatehouse::core {

/// The service manager that has started this process and wants to know its state, as systemd does
/// for Type=notify (sd_notify(3)). Without one nothing is sent. One thread.
class ServiceManager {
 public:
  /// `main`: the process that the manager has started.
  explicit ServiceManager(pid_t main);

  /// Assignments, one a line, such as "READY=1\nSTATUS=serving".
  void send(const std::string& state) const;
  /// The manager's watchdog must hear from the process by now.
  bool is_watchdog_due() const { return watchdog_.count() > 0 && Clock::now() >= due_; }
  void feed_watchdog();

 private:
  std::string socket_;  // a path, or @NAME; empty: no manager
  Clock::duration watchdog_{0};
  Clock::time_point due_{};
};

}  // namespace gatehouse::core
