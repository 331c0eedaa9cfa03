#pragma once

#include <chrono>
#include <string_view>

namespace gatehouse::core {

/// `2025-01-01T00:00:00.000Z`, valid until the thread calls this again.
std::string_view iso_time(std::chrono::system_clock::time_point time);

}  // namespace gatehouse::core
