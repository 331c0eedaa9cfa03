#include "core/commands/commands.h"

#include <openssl/sha.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "core/config/config.h"
#include "core/config/schema.h"
#include "core/config/settings_table.h"
#include "core/exchange/detached.h"
#include "core/loader/loader.h"
#include "core/log/log.h"
#include "core/pipeline/pipeline.h"
#include "core/server/bind_check.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

/// The pipeline of a configuration, built to be looked at.
struct Built {
  explicit Built(const std::string& config_file) : config(Config::load(config_file, problems)) {
    if (config) pipeline = Pipeline::build(*config, gateway, problems);
  }

  Problems problems;
  const std::optional<Config> config;
  Log log{LogSettings{"error", {}}};
  Gateway gateway{log, config ? config->store : StoreSettings()};
  std::unique_ptr<Pipeline> pipeline;
};

/// What `serve` would say about an address here. The gateway may be meant for another machine, so
/// it is a warning.
void warn_of_address(Built& built, const std::string& pointer, const ServerSettings& settings) {
  if (const std::string why = check_bind(settings); !why.empty()) {
    built.problems.warn(built.config->place(pointer), "this machine cannot listen there: " + why);
  }
}

/// "api_key (string, required)" and what it means, for each key.
void print_settings(const std::string& schema) {
  for (const Setting& s : settings_of(schema)) {
    std::cout << "  " << s.key << " (" << (s.type.empty() ? "any" : s.type);
    if (!s.fallback.empty()) std::cout << ", default " << s.fallback;
    std::cout << (s.required ? ", required" : "") << ")\n      " << s.description << '\n';
  }
}

/// What an instance answers to GET on its admin routes.
std::string ask(const Pipeline& pipeline, const std::string& path) {
  RequestHead head;
  head.method = "GET";
  head.path = path;
  Detached work(head);
  std::string body;
  const gh_sink out{sizeof(gh_sink), 0, &body, [](void* to, const gh_event* e) -> gh_status {
                      static_cast<std::string*>(to)->append(view(e->text));
                      return GH_OK;
                    }};
  return pipeline.run_admin(work.x, out) == GH_OK ? body : std::string();
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

int check(const std::string& config_file, bool as_json) {
  Built built(config_file);
  if (built.config) warn_of_address(built, "/server/listen", built.config->server);
  if (built.config && !built.config->admin.token.empty()) {
    warn_of_address(built, "/admin/listen", built.config->admin.server);
  }
  if (as_json) {
    nlohmann::ordered_json told = {{"ok", built.pipeline != nullptr}};
    if (built.pipeline) told["pipeline"] = built.pipeline->picture();
    told.update(nlohmann::ordered_json(built.problems));
    std::cout << to_text(told, 2) << '\n';
  } else {
    std::cerr << built.problems;
    if (built.pipeline) std::cout << config_file << ": ok: " << built.pipeline->picture() << '\n';
  }
  return built.pipeline ? 0 : 1;
}

int list_plugins(const std::string& directory) {
  const std::filesystem::path folder =
      directory.empty() ? installed_plugins() : std::filesystem::path(directory);
  const auto files = plugins_in(folder);
  if (files.empty()) std::cerr << "there are no plugins in " << folder.string() << '\n';
  for (const auto& file : files) {
    try {
      const PluginFile plugin(file);
      const Note& note = plugin.note();
      std::cout << note.name << ' ' << note.version << "  " << note.summary << '\n';
    } catch (const std::runtime_error& e) {
      std::cout << file.string() << ' ' << e.what() << '\n';
    }
  }
  return 0;
}

int inspect_plugin(const std::string& file_or_name) {
  const std::string file = plugin_file(file_or_name);
  try {
    PluginFile plugin(file);
    const Note& note = plugin.note();
    std::cout << note.name << ' ' << note.version << ": " << note.summary << "\nplugin interface "
              << note.abi_major << '.' << note.abi_minor << ", works with " << note.abi_major << '.'
              << note.needs << " and newer\nconfiguration:\n";
    const auto faults = schema_faults(note.schema);
    for (const std::string& fault : faults)
      std::cerr << file << " has an invalid schema: " << fault << '\n';
    if (faults.empty()) print_settings(note.schema);
    (void)plugin.load();
    std::cout << "loads here: yes\n";
    return faults.empty() ? 0 : 1;
  } catch (const std::runtime_error& e) {
    std::cerr << file << ' ' << e.what() << '\n';
    return 1;
  }
}

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

int new_token(const std::string& name) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";  // by its schema
  if (name.size() > 64 || name.find_first_not_of(kAllowed) != std::string::npos) {
    std::cerr << "gatehouse: the name of a token is at most 64 letters, digits, dots, _ or -\n";
    return 1;
  }
  Digest random;  // 256 bits
  if (::getentropy(random.data(), random.size()) != 0)
    throw std::system_error(errno, std::generic_category(), "no random numbers");
  const std::string token = "ghk_" + hex(random);
  Digest hash;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  std::cout << token
            << "\n\nThis is the only time it is shown: give it to the install, which sends it as "
               "`Authorization: Bearer TOKEN`.\n"
            << "The gateway needs its hash only, under `tokens` of extension-auth:\n\n"
            << "  - { name: \"" << (name.empty() ? "install" : name) << "\", sha256: \""
            << hex(hash) << "\" }\n";
  return 0;
}

}  // namespace gatehouse::core
