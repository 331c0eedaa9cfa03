#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gatehouse::core {

/// Why a request failed, as its caller learns it: everything but `detail`, which is for the log.
struct Failure {
  int http_status;
  std::string code, message, detail = {};
  std::chrono::nanoseconds retry_after{0};  // 0: unknown
  std::uint32_t flags = 0;                  // GH_FAIL_...
};

}  // namespace gatehouse::core
