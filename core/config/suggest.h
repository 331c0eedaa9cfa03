#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

/// The candidate that `word` is most likely a misspelling of; empty if none is near.
std::string suggest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace gatehouse::core
