#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace gatehouse::core {

// The bytes of an ELF file, whose tables may say anything. Both throw std::runtime_error, whose
// text completes "FILE: …".

inline std::string_view part(std::string_view file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) throw std::runtime_error("is truncated");
  return file.substr(offset, size);
}

template <class T>
T read_at(std::string_view file, std::uint64_t offset) {
  T value;
  std::memcpy(&value, part(file, offset, sizeof value).data(), sizeof value);
  return value;
}

}  // namespace gatehouse::core
