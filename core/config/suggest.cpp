#include "core/config/suggest.h"

#include <algorithm>

namespace gatehouse::core {
namespace {

/// How many letters must be inserted, removed, replaced or swapped with their neighbour to get from
/// a to b.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_back(b.size() + 1), back(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(two_back, back);
    std::swap(back, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({back[j] + 1, row[j - 1] + 1, back[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], two_back[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string suggest(std::string_view word, const std::vector<std::string>& candidates,
                    std::size_t errors) {
  std::string nearest;
  if (word.size() > 64) return nearest;  // longer than any name, and the work grows with it
  std::size_t least = errors + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t changes = distance(word, candidate);
    if (changes >= least) continue;
    least = changes;
    nearest = candidate;
  }
  return nearest;
}

std::string suggest(std::string_view word, const std::vector<std::string>& candidates) {
  // More than one typing error in three letters makes another word.
  return suggest(word, candidates, std::max<std::size_t>(1, word.size() / 3));
}

}  // namespace gatehouse::core
