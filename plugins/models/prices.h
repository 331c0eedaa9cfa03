#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/token_counts.hpp"

namespace gatehouse::plugins::models {

/// What models cost, in US dollars per million tokens. Immutable.
class Prices {
 public:
  /// The built-in table, and over it that of the file, unless `file` is empty. `problems`: a line
  /// for each mistake in the file, whose models are then missing.
  Prices(Host host, View file, std::vector<std::string>& problems);

  /// That of the model at this time, as its entry has it; empty: there is none. Lives as long as
  /// this.
  Json of(View model, std::chrono::nanoseconds wall) const;
  /// The cost in US dollars; nothing: there is no price for the model. `wall`: the time of the
  /// call, since prices change.
  std::optional<double> cost(View model, const TokenCounts& tokens,
                             std::chrono::nanoseconds wall) const;

 private:
  Json find(View model) const;

  Document models_;
};

}  // namespace gatehouse::plugins::models
