#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>

#include "core/commands/admin.h"
#include "core/commands/check.h"
#include "core/commands/openapi.h"
#include "core/commands/plugins.h"
#include "core/commands/reference.h"
#include "core/commands/serve.h"
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
  std::string config, plugin, name;
  std::vector<std::string> names;
  AdminCommand admin_command;
  bool as_json = false;
  constexpr const char* kConfig = "Configuration file (YAML)";

  CLI::App& serving = add(app, "serve", "Run the gateway", [&] { return serve(config); });
  serving.add_option("CONFIG", config, kConfig)->required();

  CLI::App& checking = add(app, "check", "Check a configuration and report every problem",
                           [&] { return check(config, as_json); });
  checking.add_option("CONFIG", config, kConfig)->required();
  checking.add_flag("--json", as_json, "Report as JSON on standard output");

  CLI::App& plugins = add_group(app, "plugins", "List and inspect plugins");
  add(plugins, "list", "List the plugins of a folder", [&] {
    return list_plugins(plugin);
  }).add_option("DIRECTORY", plugin, "Folder (default: that of the installed plugins)");
  add(plugins, "inspect", "Show a plugin's metadata and settings, and test-load it",
      [&] { return inspect_plugin(plugin); })
      .add_option("FILE", plugin, "Shared object, or the name of an installed plugin")
      ->required();

  CLI::App& referring = add(app, "reference", "Print all settings, in Markdown",
                            [&] { return print_reference(names); });
  referring.add_option("NAME", names,
                       "gateway for its own settings, or plugins (default: these and all plugins)");

  add(app, "openapi", "Print the OpenAPI document of the routes of a configuration",
      [&] { return print_openapi(config); })
      .add_option("CONFIG", config, kConfig)
      ->required();

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
