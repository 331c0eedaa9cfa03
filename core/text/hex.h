#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace gatehouse::core {

/// Appends the lowest digits of the number in lower-case hexadecimal digits.
inline void append_hex(std::string& out, std::uint64_t number, std::size_t digits) {
  out.resize(out.size() + digits);
  for (auto to = out.rbegin(); digits > 0; --digits, number >>= 4)
    *to++ = "0123456789abcdef"[number & 15];
}

}  // namespace gatehouse::core
