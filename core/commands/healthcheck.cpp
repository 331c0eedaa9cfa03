#include "core/commands/healthcheck.h"

#include <iostream>

#include "core/commands/local_request.h"

namespace gatehouse::core {
namespace {

constexpr auto kPatience = std::chrono::seconds(2);

}  // namespace

int healthcheck(const std::string& config_file, bool ready) {
  Problems problems;
  const auto config = Config::load(config_file, problems);
  if (!config || config->server.listen.empty()) {
    std::cerr << problems;
    return 1;
  }
  const std::string path = ready ? "/readyz" : "/livez";
  const auto response = send_locally(config->server, "GET", path, "", kPatience);
  if (response && response->status == 200) return 0;
  std::cerr << "gatehouse: ";
  if (!response) {
    std::cerr << response.error().detail << '\n';
  } else if (response->status == 404) {
    std::cerr << path << " responds 404: the pipeline needs the plugin that serves it\n";
  } else {
    std::cerr << path << " responds " << response->status << ": " << response->body << '\n';
  }
  return 1;
}

}  // namespace gatehouse::core
