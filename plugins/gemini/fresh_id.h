#pragma once

#include <string>

namespace gatehouse::plugins::gemini {

/// 16 characters of 62 are 95 bits: no two calls of a conversation share one.
std::string fresh_id();

}  // namespace gatehouse::plugins::gemini
