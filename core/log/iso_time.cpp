#include "core/log/iso_time.h"

#include <ctime>

namespace gatehouse::core {

std::string_view iso_time(std::chrono::system_clock::time_point time) {
  constexpr std::size_t kFraction = 20;  // where the milliseconds begin
  thread_local std::time_t formatted = -1;
  thread_local char text[] = "2025-01-01T00:00:00.000Z";
  const auto since_epoch = time.time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
  if (const std::time_t second = ms / 1000; second != formatted) {
    std::tm utc{};
    gmtime_r(&second, &utc);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
    formatted = second;
  }
  const auto digit = [&](int divisor) { return static_cast<char>('0' + ms % 1000 / divisor % 10); };
  text[kFraction] = digit(100);
  text[kFraction + 1] = digit(10);
  text[kFraction + 2] = digit(1);
  return {text, sizeof text - 1};
}

}  // namespace gatehouse::core
