#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace gatehouse::core {

/// Appends the lowest digits of the number in lower-case hexadecimal digits.
inline void append_hex(std::string& out, std::uint64_t number, std::size_t digits) {
  for (std::size_t left = digits; left > 0; --left)
    out += "0123456789abcdef"[(number >> (4 * (left - 1))) & 15];
}

}  // namespace gatehouse::core
