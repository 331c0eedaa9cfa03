#include <CLI/CLI.hpp>
#include <iostream>

#include "core/commands/admin.h"
#include "core/commands/check.h"
#include "core/commands/plugins.h"
#include "core/commands/serve.h"
#include "core/commands/token.h"
#include "core/config/suggest.h"
#include "core/version.h"

namespace {

/// "there is no command `chek`: did you mean `check`?"; empty: no command is misspelt.
std::string misspelt(const CLI::App& app, int argc, char** argv) {
  const CLI::App* in = &app;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* command : in->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
      if (command->get_name() == argv[i]) next = command;
    }
    if (!next && !names.empty()) {
      const std::string near = gatehouse::core::suggest(argv[i], names);
      std::string text = "gatehouse: there is no command `" + std::string(argv[i]) + "`: ";
      if (!near.empty()) return text + "did you mean `" + near + "`?";
      for (std::size_t n = 0; n < names.size(); ++n) text += (n == 0 ? "" : ", ") + names[n];
      return text;
    }
    if (!next) return "";
    in = next;
  }
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  using namespace gatehouse::core;
  CLI::App app{"Gatehouse, a gateway between applications and large language models"};
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  std::string file;
  const auto command = [&](CLI::App& parent, const char* name, const char* what,
                           const char* argument, const char* which,
                           int (*function)(const std::string&)) {
    CLI::App* const c = parent.add_subcommand(name, what);
    c->final_callback([&file, function] { throw CLI::RuntimeError(function(file)); });
    return c->add_option(argument, file, which)->required();
  };
  command(app, "serve", "Run the gateway", "CONFIG", "Configuration file (YAML)", serve);
  bool as_json = false;
  CLI::App* const checking =
      app.add_subcommand("check", "Say everything that is wrong with a configuration");
  checking->add_option("CONFIG", file, "Configuration file (YAML)")->required();
  checking->add_flag("--json", as_json, "Tell it to programs, on standard output");
  checking->final_callback([&] { throw CLI::RuntimeError(check(file, as_json)); });
  CLI::App& plugins = *app.add_subcommand("plugins", "Look at plugins")->require_subcommand(1);
  command(plugins, "list", "The plugins of a folder", "DIRECTORY",
          "Folder (default: where the installation keeps them)", list_plugins)
      ->required(false);
  command(plugins, "inspect", "What a plugin is, what it takes, and whether it would load here",
          "FILE", "Shared object, or the name of a plugin that is installed", inspect_plugin);
  CLI::App& mcp = *app.add_subcommand("mcp", "Look at MCP servers")->require_subcommand(1);
  command(mcp, "list", "Connect the servers of a configuration: what they offer, and what is wrong",
          "CONFIG", "Configuration file (YAML)", list_mcp_servers);
  CLI::App& token = *app.add_subcommand("token", "Tokens that installs of an extension show")
                         ->require_subcommand(1);
  command(token, "new", "Make a token, print it once, and say what to write into the configuration",
          "NAME", "Name of the install (default: install)", new_token)
      ->required(false);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& e) {
    if (const std::string word = misspelt(app, argc, argv); !word.empty()) {
      std::cerr << word << '\n';
      return e.get_exit_code();
    }
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::cerr << "gatehouse: " << e.what() << '\n';
    return 1;
  }
}
