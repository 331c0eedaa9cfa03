#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// The delay that an error of the Gemini API asks for in its body: in a RetryInfo, or else in its
/// message. 0: neither has one; a delay of nothing is 1 ns.
std::chrono::nanoseconds retry_info(Json error);

}  // namespace gatehouse::plugins::gemini
