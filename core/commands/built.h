#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/config/config.h"
#include "core/log/log.h"
#include "core/pipeline/pipeline.h"
#include "core/report/crash.h"

namespace gatehouse::core {

/// The pipeline of a configuration, for commands that do not serve. Null if there are problems.
struct Built {
  explicit Built(const std::string& config_file) : config(Config::load(config_file, problems)) {
    report_crashes();
    if (config) pipeline = Pipeline::build(*config, gateway, problems);
  }

  Problems problems;
  const std::optional<Config> config;
  Log log{LogSettings{"error", {}}};
  Gateway gateway{log, config ? config->store : StoreSettings()};
  std::unique_ptr<Pipeline> pipeline;
};

}  // namespace gatehouse::core
