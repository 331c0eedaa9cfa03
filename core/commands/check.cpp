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

/// "smart" and {"anthropic/claude-opus-4-8", "openai/gpt-5"}, in the order in which they are tried.
using Leads = std::vector<std::pair<std::string, std::vector<std::string>>>;

Leads leads_of(const Pipeline& pipeline) {
  Leads all;
  for (const OfferedModels::Lead& lead : pipeline.leads()) {
    if (all.empty() || all.back().first != lead.name) all.push_back({lead.name, {}});
    all.back().second.push_back(lead.provider + '/' + lead.model);
  }
  return all;
}

nlohmann::ordered_json report_of(const Built& built) {
  nlohmann::ordered_json report = {{"ok", built.pipeline != nullptr}};
  if (built.pipeline) {
    report["pipeline"] = built.pipeline->picture();
    for (const auto& [name, targets] : leads_of(*built.pipeline)) report["models"][name] = targets;
  }
  report.update(nlohmann::ordered_json(built.problems));
  return report;
}

void print(const std::string& config_file, const Built& built) {
  std::cerr << built.problems;
  if (!built.pipeline) return;
  std::cout << config_file << ": ok: " << built.pipeline->picture() << '\n';
  for (const auto& [name, targets] : leads_of(*built.pipeline)) {
    std::cout << "  " << name << " → ";
    for (const std::string& target : targets)
      std::cout << (&target == &targets.front() ? "" : ", then ") << target;
    std::cout << '\n';
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
    std::cout << to_text(report_of(built), 2) << '\n';
  } else {
    print(config_file, built);
  }
  return built.pipeline ? 0 : 1;
}

}  // namespace gatehouse::core
