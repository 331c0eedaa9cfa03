#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/config/config.h"

namespace gatehouse::core {

/// A plugin at its place in the pipeline, as far as it is known before there are requests.
struct Standing {
  const PluginEntry& entry;
  std::optional<std::uint32_t>
      flags;                 // GH_PLUGIN_...; nothing: built before there were flags, or not loaded
  std::vector<When> routes;  // that it answers
};

/// Tells where plugins are of no use at their places, and where one is missing. Whatever a plugin
/// does not say of itself is taken to be as it should.
void check_order(const Config& config, const std::vector<Standing>& pipeline, Problems& problems);

}  // namespace gatehouse::core
