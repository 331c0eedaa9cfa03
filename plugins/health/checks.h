#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "memory.h"

namespace gatehouse::plugins::health {

/// The result of one check.
struct Check {
  View name;            ///< Lives as long as the Checks.
  int state;            ///< GH_UP, GH_DEGRADED or GH_DOWN
  std::string message;  ///< Why not GH_UP; may be empty.
};

/// The checks of GET /health: the groups of instances that the configuration names, all other
/// instances, the store, and memory.
class Checks {
 public:
  Checks(Host host, Json config);

  /// `report`: of GatewayStatus. In the order above; the last one is that of memory.
  std::vector<Check> run(Json report, const Memory& memory) const;
  Check check_memory(const Memory& memory) const;

 private:
  struct Group {
    std::string name;
    std::vector<std::string> instances;
  };
  bool is_in_a_group(View instance) const;

  std::vector<Group> groups_;
  const double memory_warning_, memory_critical_;  // percent
};

}  // namespace gatehouse::plugins::health
