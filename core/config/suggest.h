#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

/// The candidate that `word` is most likely a misspelling of, by at most `slips`; empty if none is
/// near.
std::string suggest(std::string_view word, const std::vector<std::string>& candidates,
                    std::size_t slips);
/// By as many slips as a word of its length may have.
std::string suggest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace gatehouse::core
