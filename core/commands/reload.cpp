#include "core/commands/reload.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/commands/local_request.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::json;

constexpr auto kPatience = std::chrono::seconds(40);  // the gateway responds within 30

void print(const Json& reported, bool is_warning) {
  Problems problems;
  for (const Json& p : reported) {
    const Place place{p.value("file", ""), p.value("line", 0), p.value("column", 0)};
    if (is_warning) problems.warn(place, p.value("text", ""));
    if (!is_warning) problems.add(place, p.value("text", ""));
  }
  std::cerr << problems;
}

}  // namespace

int reload(const std::string& config_file) {
  const auto response = send_to_admin(config_file, "POST", "/reload", kPatience);
  if (!response) {
    std::cerr
        << "gatehouse: SIGHUP reloads as well: systemctl reload gatehouse, or kill -HUP PID\n";
    return 1;
  }
  const Json body = Json::parse(response->body, nullptr, false);
  const bool is_report = body.is_object() && body.contains("problems");
  if (is_report) {
    print(body["problems"], false);
    print(body.value("warnings", Json::array()), true);
  }
  if (response->status == 200 && is_report) {
    std::cout << "reloaded: " << body.value("pipeline", "") << '\n';
    return 0;
  }
  std::string why = "reload failed: the gateway keeps its configuration";
  if (!is_report) why = body.is_object() ? body.value("message", "") : "unknown response";
  std::cerr << "gatehouse: " << why << '\n';
  return 1;
}

}  // namespace gatehouse::core
