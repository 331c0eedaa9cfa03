#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::core {

/// The candidate that `word` is most likely a misspelling of, with at most `errors` typing errors;
/// empty if none is near.
std::string suggest(std::string_view word, const std::vector<std::string>& candidates,
                    std::size_t errors);
/// With as many typing errors as a word of that length may have.
std::string suggest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace gatehouse::core
