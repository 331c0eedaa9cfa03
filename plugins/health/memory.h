#pragma once

#include <cstdint>
#include <string>

namespace gatehouse::plugins::health {

/// Memory of this process, in bytes.
struct Memory {
  std::int64_t rss = 0;  ///< In use: its resident set. 0: not known.
  std::int64_t limit =
      0;  ///< What it may use: the least limit of its control groups, else what the machine has.

  double percent() const {
    return limit > 0 ? 100.0 * static_cast<double>(rss) / static_cast<double>(limit) : 0;
  }
};

/// Reads proc(5) and cgroups(7) below `root`: "", or the folder of a test.
Memory read_memory(const std::string& root);

}  // namespace gatehouse::plugins::health
