#include "core/metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

namespace gatehouse::core {
namespace {

/// /proc/self/stat: proc_pid_stat(5).
struct Stat {
  double cpu_seconds, threads, started_after_boot, virtual_bytes, resident_bytes;
};

std::optional<Stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // The name of the program, in parentheses before it, may contain anything.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string state;
  std::array<double, 21> f{};  // 4 to 24
  fields >> state;
  for (double& field : f) fields >> field;
  if (!fields) return std::nullopt;
  const auto at = [&f](std::size_t number) { return f[number - 4]; };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  return Stat{(at(14) + at(15)) / ticks, at(20), at(22) / ticks, at(23), at(24) * page};
}

double since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}
double since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

std::optional<std::int64_t> resident_bytes() {
  const auto stat = read_stat();
  return stat ? std::optional(static_cast<std::int64_t>(stat->resident_bytes)) : std::nullopt;
}

std::optional<std::int64_t> open_descriptors() {
  std::error_code unreadable;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", unreadable);
  if (unreadable) return std::nullopt;
  return std::distance(begin(descriptors), end(descriptors)) - 1;  // without that of the folder
}

std::int64_t max_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::int64_t>(limit.rlim_cur);
}

void set_process_metrics(Metrics& metrics) {
  const auto set = [&](Metrics::Kind kind, const char* name, const char* help, double value) {
    metrics.set(metrics.series(kind, name, help, {}), value);
  };
  if (const auto stat = read_stat()) {
    // Computed once, since the clock may be set later.
    static const double started = since_1970() - since_boot() + stat->started_after_boot;
    set(Metrics::kCounter, "process_cpu_seconds_total",
        "Total user and system CPU time in seconds.", stat->cpu_seconds);
    set(Metrics::kGauge, "process_resident_memory_bytes", "Resident memory size in bytes.",
        stat->resident_bytes);
    set(Metrics::kGauge, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
        stat->virtual_bytes);
    set(Metrics::kGauge, "process_threads", "Number of threads.", stat->threads);
    set(Metrics::kGauge, "process_start_time_seconds",
        "Start time of the process in seconds since the Unix epoch.", started);
  }
  if (const auto count = open_descriptors()) {
    set(Metrics::kGauge, "process_open_fds", "Number of open file descriptors.",
        static_cast<double>(*count));
  }
  set(Metrics::kGauge, "process_max_fds", "Maximum number of open file descriptors.",
      static_cast<double>(max_descriptors()));
}

}  // namespace gatehouse::core
