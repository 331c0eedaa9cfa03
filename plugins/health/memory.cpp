#include "memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>

namespace gatehouse::plugins::health {
namespace {

/// The number that a file begins with; nothing if there is no such file, or a word such as "max".
std::optional<std::int64_t> number_in(const std::string& file) {
  std::ifstream in(file);
  std::int64_t number = 0;
  if (!(in >> number)) return std::nullopt;
  return number;
}

std::int64_t machine_memory(const std::string& root) {
  std::ifstream in(root + "/proc/meminfo");
  std::string word;
  std::int64_t kib = 0;
  while (in >> word) {
    if (word == "MemTotal:" && in >> kib) return kib * 1024;
  }
  return std::numeric_limits<std::int64_t>::max();
}

/// The lowest limit of a control group and those around it. Inside a container its path may be that
/// of the host, where nothing is found; the container's own group is then the outermost.
std::int64_t lowest_limit(const std::string& hierarchy, std::string group, const char* file) {
  std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
  for (;;) {
    if (const auto limit = number_in(hierarchy + group + "/" + file))
      lowest = std::min(lowest, *limit);
    if (group.empty()) return lowest;
    group.erase(group.rfind('/'));
  }
}

/// By a line of /proc/self/cgroup: "0::/group" of version 2, "4:memory:/group" of version 1.
std::int64_t limit_of_group(const std::string& root, const std::string& line) {
  const auto colon = line.find(":/");
  if (colon != line.npos) {
    const std::string group = line.substr(colon + 1);
    const std::string controller = line.substr(0, colon).substr(line.find(':') + 1);
    if (controller.empty()) return lowest_limit(root + "/sys/fs/cgroup", group, "memory.max");
    if (controller == "memory")
      return lowest_limit(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
  }
  return std::numeric_limits<std::int64_t>::max();
}

}  // namespace

Memory read_memory(const std::string& root) {
  Memory memory;
  std::int64_t pages = 0;
  std::ifstream statm(root + "/proc/self/statm");
  if (statm >> pages >> pages)  // the second number is the resident set
    memory.rss = pages * sysconf(_SC_PAGESIZE);

  memory.limit = machine_memory(root);
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);)
    memory.limit = std::min(memory.limit, limit_of_group(root, line));
  return memory;
}

}  // namespace gatehouse::plugins::health
