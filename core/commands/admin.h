#pragma once

#include <string>

namespace gatehouse::core {

struct AdminCommand {
  std::string config_file;
  std::string method;
  std::string target;  // a path, which may have a query
  std::string body;    // JSON; empty: none
};

/// `gatehouse admin`: runs a request for an admin route of a plugin without serving: builds and
/// starts the pipeline of the configuration, then prints the body of the response as JSON. Returns
/// 0 if its status is 2xx.
int admin(const AdminCommand& command);

}  // namespace gatehouse::core
