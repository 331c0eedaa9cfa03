#pragma once

#include <string>
#include <string_view>

#include "core/config/config.h"
#include "core/net/error.h"
#include "core/net/wait.h"

namespace gatehouse::core {

/// The response of a gateway on this machine.
struct LocalResponse {
  int status = 0;
  std::string body;
};

/// Sends a request to the gateway that serves with these settings. `token`: of the operator; empty:
/// none. The error's detail has the address.
Result<LocalResponse> send_locally(const ServerSettings& server, std::string_view method,
                                   std::string_view path, const std::string& token,
                                   Clock::duration patience);

/// The same for the admin address of the configuration `file`. Nothing after printing why it cannot
/// be reached.
std::optional<LocalResponse> send_to_admin(const std::string& file, std::string_view method,
                                           std::string_view path, Clock::duration patience);

}  // namespace gatehouse::core
