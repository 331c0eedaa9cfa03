#include "core/commands/top.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "core/commands/local_request.h"
#include "core/commands/status.h"
#include "core/commands/terminal.h"
#include "core/log/iso_time.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kPatience = std::chrono::seconds(5);
constexpr auto kInterval = std::chrono::seconds(2);
constexpr std::size_t kRequests = 20;
// The admin route of a plugin that lists requests ends with this.
constexpr std::string_view kList = "/requests.json";
constexpr const char* kClear = "\033[H\033[2J";  // ECMA-48: cursor home, erase the screen

/// Nothing after printing why.
std::optional<Json> get(const std::string& config_file, const std::string& path) {
  const auto response = send_to_admin(config_file, "GET", path, kPatience);
  if (!response) return std::nullopt;
  Json json = Json::parse(response->body, nullptr, false);
  if (response->status == 200 && !json.is_discarded()) return json;
  std::cerr << "gatehouse: the status of the response to GET " << path << " is " << response->status
            << '\n';
  return std::nullopt;
}

/// The path of the list of requests; empty: no plugin has one.
std::string list_of(const Json& status) {
  for (const Json& route : status.value("admin_routes", Json::array())) {
    const std::string path = route.value("path", "");
    if (path.ends_with(kList)) return path;
  }
  return {};
}

std::vector<std::string> row_of(const Json& request) {
  const Json notes = request.value("notes", Json::object());
  const std::chrono::system_clock::time_point began{
      std::chrono::milliseconds(request.value("began_ms", std::int64_t{0}))};
  const auto tokens =
      notes.value("input_tokens", std::int64_t{0}) + notes.value("output_tokens", std::int64_t{0});
  const std::string model = notes.value("answered_by", notes.value("model", ""));
  const std::string request_line = request.value("method", "") + ' ' + request.value("path", "");
  const std::string code = request.value("code", "");
  return {std::string(iso_time(began)).substr(11, 8),
          printable(request.value("user", request.value("key", request.value("tenant", "-")))),
          printable(model.empty() ? request_line : model),
          printable(code.empty() ? request.value("outcome", "") : code),
          milliseconds_of(request.value("ms", 0.0) / 1000),
          std::to_string(tokens),
          printable(request.value("id", ""))};
}

void print_requests(const Json& requests) {
  std::vector<std::vector<std::string>> rows = {
      {"TIME", "CALLER", "MODEL", "OUTCOME", "TOTAL", "TOKENS", "REQUEST"}};
  const std::size_t count = std::min(requests.size(), kRequests);
  for (std::size_t i = 0; i < count; ++i) rows.push_back(row_of(requests[requests.size() - 1 - i]));
  std::cout << '\n';
  print_table(rows, 4);
}

bool print_all(const std::string& config_file, bool clears) {
  const auto status = get(config_file, "/status");
  if (!status) return false;
  const std::string list = list_of(*status);
  const auto requests = list.empty() ? Json::array() : get(config_file, list);
  if (!requests) return false;
  if (clears) std::cout << kClear;
  print_status(*status);
  if (!list.empty()) print_requests(*requests);
  std::cout << std::flush;
  return true;
}

}  // namespace

int top(const std::string& config_file, bool once) {
  while (print_all(config_file, !once)) {
    if (once) return 0;
    std::this_thread::sleep_for(kInterval);
  }
  return 1;
}

}  // namespace gatehouse::core
