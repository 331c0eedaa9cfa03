#pragma once

#include <string>
#include <string_view>

namespace gatehouse::core {

/// The note of a plugin in the ELF section `.gatehouse`. It is read from the file, so that nothing
/// of a plugin runs before it is known to be compatible.
struct Note {
  int abi_major = 0, abi_minor = 0, needs = 0;
  std::string name, version, summary;
  std::string schema;  // JSON text, its keys in the order of the author
};

/// The note in the bytes of a shared object. Throws std::runtime_error, whose text completes "FILE:
/// …".
Note read_note(std::string_view file);

}  // namespace gatehouse::core
