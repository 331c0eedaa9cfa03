#pragma once

#include <string>
#include <vector>

namespace gatehouse::core {

/// Texts come from clients and upstreams: none may control the terminal.
std::string printable(std::string text);

/// "12.3ms".
std::string milliseconds_of(double seconds);

/// Prints each column as wide as its widest cell: the first `texts` and the last flush left, the
/// others flush right.
void print_table(const std::vector<std::vector<std::string>>& rows, std::size_t texts);

}  // namespace gatehouse::core
