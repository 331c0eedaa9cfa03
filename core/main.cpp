#include <CLI/CLI.hpp>

#include <iostream>

#include "core/commands.h"
#include "core/serve.h"
#include "core/version.h"

int main(int argc, char** argv) {
  using namespace gatehouse::core;
  CLI::App app{"Gatehouse, a gateway between applications and large language models"};
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  std::string file;
  const auto command = [&](CLI::App& parent, const char* name, const char* what, const char* argument, const char* which, int (*function)(const std::string&)) {
    CLI::App* const c = parent.add_subcommand(name, what);
    c->final_callback([&file, function] { throw CLI::RuntimeError(function(file)); });
    return c->add_option(argument, file, which)->required();
  };
  command(app, "serve", "Run the gateway", "CONFIG", "Configuration file (YAML)", serve);
  command(app, "check", "Say everything that is wrong with a configuration", "CONFIG", "Configuration file (YAML)", check);
  CLI::App& plugins = *app.add_subcommand("plugins", "Look at plugins")->require_subcommand(1);
  command(plugins, "list", "The plugins of a folder", "DIRECTORY", "Folder (default: where the installation keeps them)", list_plugins)
      ->required(false);
  command(plugins, "inspect", "What a plugin is, what it takes, and whether it would load here", "FILE", "Shared object", inspect_plugin);
  CLI::App& mcp = *app.add_subcommand("mcp", "Look at MCP servers")->require_subcommand(1);
  command(mcp, "list", "Connect the servers of a configuration: what they offer, and what is wrong", "CONFIG", "Configuration file (YAML)", list_mcp_servers);
  CLI::App& token = *app.add_subcommand("token", "Tokens that installs of an extension show")->require_subcommand(1);
  command(token, "new", "Make a token, print it once, and say what to write into the configuration", "NAME",
          "Name of the install (default: install)", new_token)
      ->required(false);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::cerr << "gatehouse: " << e.what() << '\n';
    return 1;
  }
}
