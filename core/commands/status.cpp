#include "core/commands/status.h"

#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/commands/local_request.h"
#include "core/commands/terminal.h"
#include "core/log/iso_time.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kPatience = std::chrono::seconds(5);

/// "3d 4h", "4h 12m", "12m 5s" or "5s".
std::string span(std::int64_t seconds) {
  constexpr std::pair<std::int64_t, char> kUnits[] = {
      {86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
  std::string out;
  int parts = 0;
  for (const auto& [size, unit] : kUnits) {
    if ((seconds < size && out.empty() && unit != 's') || parts == 2) continue;
    out += (out.empty() ? "" : " ") + std::to_string(seconds / size) + unit;
    seconds %= size;
    ++parts;
  }
  return out;
}

std::vector<std::string> row_of(const Json& plugin) {
  const auto calls = plugin.value("calls", std::int64_t{0});
  const auto mean = [&](const char* key) {
    return calls > 0 ? milliseconds_of(plugin.value(key, 0.0) / static_cast<double>(calls)) : "-";
  };
  return {printable(plugin.value("name", "")),
          plugin.value("state", ""),
          std::to_string(calls),
          std::to_string(plugin.value("failures", std::int64_t{0})),
          mean("seconds"),
          mean("self_seconds"),
          printable(plugin.value("reason", ""))};
}

void print_reload(const Json& reload) {
  const std::chrono::system_clock::time_point at{
      std::chrono::milliseconds(reload.value("at_ms", std::int64_t{0}))};
  std::cout << "last reload: " << iso_time(at) << ", "
            << (reload.value("ok", false) ? "ok" : "failed: the log has the problems") << '\n';
}

}  // namespace

void print_status(const Json& report) {
  std::cout << "gatehouse " << report.value("version", "") << ", "
            << (report.value("draining", false) ? "shutting down" : "up") << ' '
            << span(report.value("uptime_ms", std::int64_t{0}) / 1000) << '\n'
            << "connections: " << report.value("connections", std::int64_t{0})
            << ", requests running: " << report.value("running", std::int64_t{0}) << '\n';
  const Json store = report.value("store", Json::object());
  const std::string reason = printable(store.value("reason", ""));
  std::cout << "store: " << store.value("kind", "") << ", " << store.value("state", "")
            << (reason.empty() ? "" : ": " + reason) << '\n';
  if (report.contains("reload")) print_reload(report["reload"]);
  std::vector<std::vector<std::string>> rows = {
      {"PLUGIN", "STATE", "CALLS", "FAILURES", "MEAN", "SELF", "REASON"}};
  for (const Json& plugin : report.value("plugins", Json::array())) rows.push_back(row_of(plugin));
  std::cout << '\n';
  print_table(rows, 2);
}

int status(const std::string& config_file, bool as_json) {
  const auto response = send_to_admin(config_file, "GET", "/status", kPatience);
  if (!response) return 1;
  const Json report = Json::parse(response->body, nullptr, false);
  if (response->status != 200 || !report.is_object()) {
    std::cerr << "gatehouse: the status of the response is " << response->status << '\n';
    return 1;
  }
  if (as_json) {
    std::cout << report.dump(2, ' ', true) << '\n';
  } else {
    print_status(report);
  }
  return 0;
}

}  // namespace gatehouse::core
