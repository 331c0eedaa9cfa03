#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// One request to the API, as the metrics show it.
struct Call {
  View model;
  std::chrono::nanoseconds began;
  std::chrono::nanoseconds first_chunk{0};  ///< When it came; 0: it never did.
  int http_status = 0;                      ///< 0: no head came.
  std::string error{};                      ///< The code of its failure; empty: none.
  std::int64_t input_tokens = -1;           ///< -1: not known.
  std::int64_t output_tokens = -1;
};

/// Counts a call that has just ended.
void count(Host host, const Call& call);

}  // namespace gatehouse::plugins::gemini
