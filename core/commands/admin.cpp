#include "core/commands/admin.h"

#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/commands/built.h"
#include "core/exchange/nobody.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {
namespace {

/// What an instance answers to GET on its admin routes.
std::string ask(const Pipeline& pipeline, const std::string& path) {
  RequestHead head;
  head.method = "GET";
  head.path = path;
  Nobody nobody;
  Waiter waiter(-1, -1, Clock::time_point::max(), [] { return Clock::time_point::max(); });
  Exchange x(head, {}, nobody, waiter);
  std::string body;
  const gh_sink out{sizeof(gh_sink), &body, [](void* to, const gh_event* e) -> gh_status {
                      static_cast<std::string*>(to)->append(view(e->text));
                      return GH_OK;
                    }};
  return pipeline.run_admin(x, out) == GH_OK ? body : std::string();
}

/// What a stranger wrote, without what a terminal would obey.
std::string printable(const nlohmann::ordered_json& text) {
  const std::string quoted = nlohmann::ordered_json(text).dump(-1, ' ', true);
  return quoted.size() > 2 ? quoted.substr(1, quoted.size() - 2) : std::string();
}

void print_mcp_server(const nlohmann::ordered_json& server) {
  const auto text = [](const nlohmann::ordered_json& of, const char* name) {
    return printable(of.value(name, std::string()));
  };
  const bool up = server.at("state") == "up";
  std::cout << text(server, "name") << (up ? ": up" : ": down: " + text(server, "reason"));
  if (server.contains("detail")) std::cout << " (" << text(server, "detail") << ')';
  if (up)
    std::cout << ", " << text(server.at("server"), "name") << ' '
              << text(server.at("server"), "version") << ", MCP " << text(server, "protocol");
  std::cout << '\n';
  for (const auto& tool : server.at("tools")) {
    std::cout << "  " << text(tool, "name")
              << (tool.contains("left_out") ? " is left out: " + text(tool, "left_out")
                                            : " is offered as " + text(tool, "offered_as"))
              << '\n';
  }
}

}  // namespace

int list_mcp_servers(const std::string& config_file) {
  std::signal(SIGPIPE, SIG_IGN);  // a server may end while it is sent something
  const Built built(config_file);
  std::cerr << built.problems;
  if (!built.pipeline) return 1;

  built.pipeline->prepare();
  built.pipeline->start(nullptr);
  bool all_up = true, any = false;
  for (const PluginEntry& entry : built.config->pipeline) {
    if (entry.plugin != "mcp") continue;
    for (const auto& server :
         nlohmann::ordered_json::parse(ask(*built.pipeline, "/" + entry.instance + "/servers"))) {
      print_mcp_server(server);
      any = true;
      all_up = all_up && server.at("state") == "up";
    }
  }
  if (!any) std::cerr << config_file << ": no `servers` of the plugin mcp\n";
  return all_up ? 0 : 1;
}

}  // namespace gatehouse::core
