#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>

#include "core/commands/admin.h"
#include "core/commands/check.h"
#include "core/commands/dump.h"
#include "core/commands/healthcheck.h"
#include "core/commands/key.h"
#include "core/commands/openapi.h"
#include "core/commands/plugin_check.h"
#include "core/commands/plugin_inspect.h"
#include "core/commands/plugin_new.h"
#include "core/commands/plugin_run.h"
#include "core/commands/reference.h"
#include "core/commands/reload.h"
#include "core/commands/schema.h"
#include "core/commands/serve.h"
#include "core/commands/status.h"
#include "core/commands/token.h"
#include "core/commands/top.h"
#include "core/config/suggest.h"
#include "core/version.h"

namespace {

using namespace gatehouse::core;

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

/// "unknown command `chek`: did you mean `check`?"
std::string unknown_command(const std::string& word, const std::vector<std::string>& names) {
  const std::string text = "unknown command `" + word + "`";
  if (const std::string near = suggest(word, names); !near.empty())
    return text + ": did you mean `" + near + "`?";
  std::string all;
  for (const std::string& name : names) all.append(all.empty() ? "" : ", ").append(name);
  return text + ": expected one of " + all;
}

/// What is wrong with the commands among the arguments; empty if CLI11 explains it well enough.
std::string misspelt(const CLI::App& app, int argc, char** argv) {
  const CLI::App* parent = &app;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    const std::vector<std::string> names = names_of_commands(*parent);
    if (names.empty()) return "";
    if (std::find(names.begin(), names.end(), argv[i]) == names.end())
      return unknown_command(argv[i], names);
    parent = parent->get_subcommand(argv[i]);
  }
  return "";
}

CLI::App& add(CLI::App& parent, const char* name, const char* what, std::function<int()> run) {
  CLI::App& command = *parent.add_subcommand(name, what);
  command.final_callback([run = std::move(run)] { throw CLI::RuntimeError(run()); });
  return command;
}

CLI::App& add_group(CLI::App& app, const char* name, const char* what) {
  return *app.add_subcommand(name, what)->require_subcommand(1);
}

/// What the command line gives to the commands.
struct Arguments {
  std::string config = "/etc/gatehouse/gatehouse.yaml";
  std::string plugin, name;
  std::vector<std::string> names;
  Omissions omissions;
  AdminCommand admin;
  PluginCheck check;
  NewKey new_key;
  NewPlugin new_plugin;
  PluginRun run;
  bool as_json = false, dump = false, ready = false, once = false;
};

constexpr const char* kConfig = "Configuration file (YAML)";
constexpr const char* kJson = "Report as JSON on standard output";

CLI::App& add_with_config(CLI::App& app, const char* name, const char* what, Arguments& a,
                          std::function<int()> run) {
  CLI::App& command = add(app, name, what, std::move(run));
  command.add_option("CONFIG", a.config, kConfig)->capture_default_str();
  return command;
}

void add_serve(CLI::App& app, Arguments& a) {
  CLI::App& serving = add_with_config(app, "serve", "Run the gateway", a,
                                      [&a] { return serve(a.config, a.omissions); });
  serving
      .add_option("--without", a.omissions.entries,
                  "Leave out the entry of this plugin or instance (may be repeated)")
      ->allow_extra_args(false);
  serving.add_flag("--safe", a.omissions.other_plugins,
                   "Load only the plugins that are installed beside the program");
}

void add_check(CLI::App& app, Arguments& a) {
  CLI::App& checking =
      add_with_config(app, "check", "Check a configuration and report every problem", a,
                      [&a] { return a.dump ? dump_config(a.config) : check(a.config, a.as_json); });
  CLI::Option* const json = checking.add_flag("--json", a.as_json, kJson);
  checking
      .add_flag("--dump", a.dump,
                "Print the configuration as it is used: included files merged, defaults filled in, "
                "secrets masked")
      ->excludes(json);
}

/// Of the gateway that runs.
void add_running(CLI::App& app, Arguments& a) {
  add_with_config(app, "reload", "Reload the configuration of the running gateway", a,
                  [&a] { return reload(a.config); });
  add_with_config(app, "status", "Show how the running gateway is", a, [&a] {
    return status(a.config, a.as_json);
  }).add_flag("--json", a.as_json, "Print the report of the admin address as it is");
  add_with_config(app, "top",
                  "Show how the running gateway is, and its last requests, again and again", a,
                  [&a] { return top(a.config, a.once); })
      .add_flag("--once", a.once, "Print it once, for scripts");
  add_with_config(app, "healthcheck", "Exit with 0 if the running gateway serves, for containers",
                  a, [&a] { return healthcheck(a.config, a.ready); })
      .add_flag("--ready", a.ready, "Check /readyz instead of /livez");
}

void add_plugin_commands(CLI::App& app, Arguments& a) {
  CLI::App& plugins = add_group(app, "plugin", "List, make, check and try plugins");
  constexpr const char* kPlugin = "Shared object, or the name of an installed plugin";
  constexpr const char* kSettings = "File with the plugin's settings, YAML or JSON (default: none)";
  add(plugins, "list", "List the plugins of a folder", [&a] {
    return list_plugins(a.plugin);
  }).add_option("DIRECTORY", a.plugin, "Folder (default: that of the installed plugins)");

  CLI::App& inspecting = add(plugins, "inspect", "Show what a plugin is, its settings and routes",
                             [&a] { return inspect_plugin(a.plugin, a.as_json); });
  inspecting.add_option("FILE", a.plugin, kPlugin)->required();
  inspecting.add_flag("--json", a.as_json, kJson);

  CLI::App& trying = add(plugins, "check", "Report mistakes of a plugin's author",
                         [&a] { return check_plugin(a.check); });
  trying.add_option("FILE", a.check.file, kPlugin)->required();
  trying.add_option("--config", a.check.config, kSettings);
  trying.add_flag("--json", a.check.as_json, kJson);

  CLI::App& making = add(plugins, "new", "Write the project of a new plugin",
                         [&a] { return new_plugin(a.new_plugin); });
  making.add_option("NAME", a.new_plugin.name, "Letters, digits, - and _")->required();
  making.add_option("--lang", a.new_plugin.language, "Language (default: cpp)")
      ->check(CLI::IsMember({"cpp", "c", "rust"}));
  making.add_option("--kind", a.new_plugin.kind, "What it is for (default: policy)")
      ->check(CLI::IsMember({"policy", "provider", "ingress", "tools"}));
  making.add_option("--dir", a.new_plugin.folder, "Folder (default: its name)");

  CLI::App& running = add(plugins, "run", "Run one plugin in a gateway with the simulator",
                          [&a] { return run_plugin(a.run); });
  running.add_option("FILE", a.run.file, kPlugin)->required();
  running.add_option("--config", a.run.config, kSettings);
  running.add_option("--listen", a.run.listen, "Address (default: 127.0.0.1:3000)");
}

/// What is known without serving.
void add_documents(CLI::App& app, Arguments& a) {
  add(app, "schema", "Print the JSON Schema of configuration files, for editors",
      [] { return print_schema(); });
  add(app, "reference", "Print all settings, in Markdown",
      [&a] { return print_reference(a.names); })
      .add_option("NAME", a.names,
                  "gateway for its own settings, or plugins (default: these and all plugins)");
  add_with_config(app, "openapi", "Print the OpenAPI document of the routes of a configuration", a,
                  [&a] { return print_openapi(a.config); });
}

void add_admin(CLI::App& app, Arguments& a) {
  CLI::App& administering =
      add(app, "admin", "Send a request to an admin route of a plugin, without serving",
          [&a] { return admin(a.admin); });
  administering.add_option("CONFIG", a.admin.config_file, kConfig)->required();
  administering.add_option("METHOD", a.admin.method, "GET, PUT, ...")->required();
  administering.add_option("PATH", a.admin.target, "/INSTANCE/... and an optional query")
      ->required();
  administering.add_option("--body", a.admin.body, "Body of the request (JSON)");
}

void add_credentials(CLI::App& app, Arguments& a) {
  CLI::App& keys = add_group(app, "key", "Manage the API keys of clients");
  CLI::App& making = add(keys, "new", "Create a key and the entry that accepts it",
                         [&a] { return new_key(a.new_key); });
  making.add_option("NAME", a.new_key.name, "Letters, digits, dots, _ and -")->required();
  making.add_option("--owner", a.new_key.owner, "Whose key it is (default: its name)");
  making.add_option("--expires", a.new_key.expires, "Last day (UTC), or a time (default: never)");
  making.add_option("--model", a.new_key.models, "Model or pattern that it may use (default: all)")
      ->allow_extra_args(false);
  making.add_option("--tool", a.new_key.tools, "Tool or pattern that it may use (default: all)")
      ->allow_extra_args(false);
  making.add_option("--file", a.new_key.file, "File of keys to which the entry is appended");

  CLI::App& token = add_group(app, "token", "Manage the tokens of clients");
  add(token, "new", "Create a token and print the configuration entry that accepts it", [&a] {
    return new_token(a.name);
  }).add_option("NAME", a.name, "Name of the token's owner (default: install)");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Gatehouse, a gateway between applications and large language models"};
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  Arguments arguments;
  add_serve(app, arguments);
  add_check(app, arguments);
  add_running(app, arguments);
  add_plugin_commands(app, arguments);
  add_documents(app, arguments);
  add_admin(app, arguments);
  add_credentials(app, arguments);

  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& e) {
    const std::string problem = misspelt(app, argc, argv);
    if (problem.empty()) return app.exit(e);
    std::cerr << "gatehouse: " << problem << '\n';
    return e.get_exit_code();
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::cerr << "gatehouse: " << e.what() << '\n';
    return 1;
  }
}
