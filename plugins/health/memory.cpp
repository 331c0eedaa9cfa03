#include "memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>

namespace gatehouse::plugins::health {
namespace {

/// The number a file begins with. Nothing: no such file, or a word, as "max".
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

/// The least limit of a control group and those around it. Inside a container its path may be that
/// of the host, where nothing is found; the container's own group is then the outermost.
std::int64_t least_limit(const std::string& hierarchy, std::string group, const char* file) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (;;) {
    if (const auto limit = number_in(hierarchy + group + "/" + file))
      least = std::min(least, *limit);
    if (group.empty()) return least;
    group.erase(group.rfind('/'));
  }
}

}  // namespace

Memory read_memory(const std::string& root) {
  Memory memory;
  std::int64_t pages = 0;
  std::ifstream statm(root + "/proc/self/statm");
  if (statm >> pages >> pages)
    memory.rss = pages * sysconf(_SC_PAGESIZE);  // the second is the resident set

  memory.limit = machine_memory(root);
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line;
       std::getline(groups, line);) {  // "0::/group" for version 2, "4:memory:/group" for version 1
    const auto colon = line.find(":/");
    if (colon == line.npos) continue;
    const std::string group = line.substr(colon + 1),
                      controller = line.substr(0, colon).substr(line.find(':') + 1);
    if (controller.empty())
      memory.limit =
          std::min(memory.limit, least_limit(root + "/sys/fs/cgroup", group, "memory.max"));
    if (controller == "memory") {
      memory.limit = std::min(memory.limit, least_limit(root + "/sys/fs/cgroup/memory", group,
                                                        "memory.limit_in_bytes"));
    }
  }
  return memory;
}

}  // namespace gatehouse::plugins::health
