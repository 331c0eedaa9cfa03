#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>

#include "core/commands/admin.h"
#include "core/commands/check.h"
#include "core/commands/dump.h"
#include "core/commands/healthcheck.h"
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

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Gatehouse, a gateway between applications and large language models"};
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  std::string config = "/etc/gatehouse/gatehouse.yaml";
  std::string plugin, name;
  std::vector<std::string> names;
  AdminCommand admin_command;
  Omissions omissions;
  bool as_json = false, dump = false, ready = false;
  constexpr const char* kConfig = "Configuration file (YAML)";
  const auto add_with_config = [&](const char* command, const char* what,
                                   std::function<int()> run) -> CLI::App& {
    CLI::App& added = add(app, command, what, std::move(run));
    added.add_option("CONFIG", config, kConfig)->capture_default_str();
    return added;
  };

  CLI::App& serving =
      add_with_config("serve", "Run the gateway", [&] { return serve(config, omissions); });
  serving
      .add_option("--without", omissions.entries,
                  "Leave out the entry of this plugin or instance (may be repeated)")
      ->allow_extra_args(false);
  serving.add_flag("--safe", omissions.other_plugins,
                   "Load only the plugins that are installed beside the program");

  CLI::App& checking =
      add_with_config("check", "Check a configuration and report every problem",
                      [&] { return dump ? dump_config(config) : check(config, as_json); });
  CLI::Option* const json = checking.add_flag("--json", as_json, "Report as JSON");
  checking
      .add_flag("--dump", dump,
                "Print the configuration as it is used: included files merged, defaults filled in, "
                "secrets masked")
      ->excludes(json);

  add_with_config("reload", "Reload the configuration of the running gateway",
                  [&] { return reload(config); });
  add_with_config("status", "Show how the running gateway is", [&] {
    return status(config, as_json);
  }).add_flag("--json", as_json, "Print the report of the admin address as it is");
  add_with_config("healthcheck", "Exit with 0 if the running gateway serves, for containers", [&] {
    return healthcheck(config, ready);
  }).add_flag("--ready", ready, "Check /readyz instead of /livez");
  add(app, "schema", "Print the JSON Schema of configuration files, for editors",
      [] { return print_schema(); });

  CLI::App& plugins = add_group(app, "plugin", "List, make, check and try plugins");
  add(plugins, "list", "List the plugins of a folder", [&] {
    return list_plugins(plugin);
  }).add_option("DIRECTORY", plugin, "Folder (default: that of the installed plugins)");
  constexpr const char* kPlugin = "Shared object, or the name of an installed plugin";
  constexpr const char* kSettings = "File with the plugin's settings, YAML or JSON (default: none)";

  CLI::App& inspecting = add(plugins, "inspect", "Show what a plugin is, its settings and routes",
                             [&] { return inspect_plugin(plugin, as_json); });
  inspecting.add_option("FILE", plugin, kPlugin)->required();
  inspecting.add_flag("--json", as_json, "Report as JSON on standard output");

  PluginCheck plugin_check;
  CLI::App& trying = add(plugins, "check", "Report mistakes of a plugin's author",
                         [&] { return check_plugin(plugin_check); });
  trying.add_option("FILE", plugin_check.file, kPlugin)->required();
  trying.add_option("--config", plugin_check.config, kSettings);
  trying.add_flag("--json", plugin_check.as_json, "Report as JSON on standard output");

  NewPlugin new_one;
  CLI::App& making =
      add(plugins, "new", "Write the project of a new plugin", [&] { return new_plugin(new_one); });
  making.add_option("NAME", new_one.name, "Letters, digits, - and _")->required();
  making.add_option("--lang", new_one.language, "Language (default: cpp)")
      ->check(CLI::IsMember({"cpp", "c", "rust"}));
  making.add_option("--kind", new_one.kind, "What it is for (default: policy)")
      ->check(CLI::IsMember({"policy", "provider", "ingress", "tools"}));
  making.add_option("--dir", new_one.folder, "Folder (default: its name)");

  PluginRun plugin_run;
  CLI::App& running = add(plugins, "run", "Run one plugin in a gateway with the simulator",
                          [&] { return run_plugin(plugin_run); });
  running.add_option("FILE", plugin_run.file, kPlugin)->required();
  running.add_option("--config", plugin_run.config, kSettings);
  running.add_option("--listen", plugin_run.listen, "Address (default: 127.0.0.1:3000)");

  CLI::App& referring = add(app, "reference", "Print all settings, in Markdown",
                            [&] { return print_reference(names); });
  referring.add_option("NAME", names,
                       "gateway for its own settings, or plugins (default: these and all plugins)");

  add_with_config("openapi", "Print the OpenAPI document of the routes of a configuration",
                  [&] { return print_openapi(config); });

  CLI::App& administering =
      add(app, "admin", "Send a request to an admin route of a plugin, without serving",
          [&] { return admin(admin_command); });
  administering.add_option("CONFIG", admin_command.config_file, kConfig)->required();
  administering.add_option("METHOD", admin_command.method, "GET, PUT, ...")->required();
  administering.add_option("PATH", admin_command.target, "/INSTANCE/... and an optional query")
      ->required();
  administering.add_option("--body", admin_command.body, "Body of the request (JSON)");

  CLI::App& token = add_group(app, "token", "Manage the tokens of clients");
  add(token, "new", "Create a token and print the configuration entry that accepts it", [&] {
    return new_token(name);
  }).add_option("NAME", name, "Name of the token's owner (default: install)");

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
