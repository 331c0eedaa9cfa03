#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/config/config.h"
#include "core/host/instance.h"

namespace gatehouse::core {

/// A plugin at its place in the pipeline: what is known before there are requests.
struct Standing {
  const PluginEntry& entry;
  std::optional<std::uint32_t> flags;  // GH_PLUGIN_...; nothing: could not be loaded
  std::vector<When> routes;            // that it has claimed
  bool is_led_to = false;              // by the name of a model
};

/// Reports plugins that have no effect at their places, and missing ones. A plugin without flags is
/// assumed to be at the right place.
void check_order(const Config& config, const std::vector<Standing>& pipeline, Problems& problems);
/// Reports models that lead to no provider.
void check_leads(const std::vector<OfferedModels::Lead>& leads,
                 const std::vector<Standing>& pipeline, Problems& problems);

}  // namespace gatehouse::core
