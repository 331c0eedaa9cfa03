/// How much a model thinks has two scales: levels of effort, and budgets of tokens. A chat document
/// may use either, an API takes one.
#pragma once

#include <cstdint>
#include <iterator>

#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

/// The levels, the lowest first.
inline constexpr View kEfforts[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};

/// Its place in kEfforts; the end: it is none of them.
inline std::size_t rank_of(View effort) {
  std::size_t rank = 0;
  while (rank < std::size(kEfforts) && kEfforts[rank] != effort) ++rank;
  return rank;
}

/// The level that is worth a budget, about as Google compares the two.
inline View effort_for(std::int64_t tokens) {
  constexpr std::int64_t kWorth[] = {0, 0, 1024, 8192, 24'576, 32'768};
  std::size_t rank = tokens > 0 ? 2 : 0;
  while (rank + 1 < std::size(kWorth) && kWorth[rank] < tokens) ++rank;
  return kEfforts[rank];
}

/// Of these levels the one that is nearest to `effort`; the first of two that are as near.
template <class Levels>
View nearest_effort(const Levels& levels, View effort) {
  const std::size_t wanted = rank_of(effort);
  View best;
  std::size_t best_distance = std::size(kEfforts) + 1;
  for (const View level : levels) {
    const std::size_t rank = rank_of(level);
    const std::size_t distance = rank > wanted ? rank - wanted : wanted - rank;
    if (distance >= best_distance) continue;
    best = level;
    best_distance = distance;
  }
  return best;
}

}  // namespace v1
}  // namespace gatehouse
