#include "core/commands/check.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/commands/built.h"
#include "core/server/listening_socket.h"

namespace gatehouse::core {
namespace {

/// Only warnings: the configuration may be meant for another machine.
void warn_of_addresses(Built& built, const ServerSettings& settings) {
  for (const ListenSettings& listen : settings.listen) {
    if (const std::string why = ListeningSocket::check(listen); !why.empty()) {
      built.problems.warn(built.config->place(listen.pointer),
                          "this machine cannot listen there: " + why);
    }
  }
}

}  // namespace

int check(const std::string& config_file, bool as_json) {
  Built built(config_file);
  if (built.config) {
    warn_of_addresses(built, built.config->server);
    warn_of_addresses(built, built.config->admin.server);
  }
  if (as_json) {
    nlohmann::ordered_json report = {{"ok", built.pipeline != nullptr}};
    if (built.pipeline) report["pipeline"] = built.pipeline->picture();
    report.update(nlohmann::ordered_json(built.problems));
    std::cout << to_text(report, 2) << '\n';
  } else {
    std::cerr << built.problems;
    if (built.pipeline) std::cout << config_file << ": ok: " << built.pipeline->picture() << '\n';
  }
  return built.pipeline ? 0 : 1;
}

}  // namespace gatehouse::core
