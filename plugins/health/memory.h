#pragma once

#include <cstdint>
#include <string>

namespace gatehouse::plugins::health {

/// Memory of this process, in bytes.
struct Memory {
  std::int64_t rss = 0;  ///< In use: the resident set. 0: unknown.
  /// The lowest limit of its control groups, else the memory of the machine.
  std::int64_t limit = 0;

  double percent() const {
    return limit > 0 ? 100.0 * static_cast<double>(rss) / static_cast<double>(limit) : 0;
  }
};

/// Reads proc(5) and cgroups(7) below `root`: "", or the folder of a test.
Memory read_memory(const std::string& root);

}  // namespace gatehouse::plugins::health
