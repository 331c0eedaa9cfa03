#pragma once

#include <string>
#include <string_view>

namespace gatehouse::core {

/// What a plugin says of itself in the ELF section `.gatehouse`: read from the file, so that
/// nothing of a plugin runs before it is known to fit.
struct Note {
  int abi_major = 0, abi_minor = 0, needs = 0;
  std::string name, version, summary;
  std::string schema;  // JSON text, its keys in the order of the author
};

/// Of the bytes of a shared object. Throws std::runtime_error, whose text completes "FILE: …".
Note read_note(std::string_view file);

}  // namespace gatehouse::core
