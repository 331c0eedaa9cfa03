#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse::core {

/// What the dynamic loader makes of a shared object.
struct ElfFile {
  std::string sha256;                  // of the file, in hexadecimal
  std::vector<std::string> needed;     // libraries
  std::vector<std::string> versions;   // of their symbols, such as GLIBC_2.34
  std::vector<std::string> exported;   // symbols
  std::vector<std::string> run_paths;  // where it looks for its libraries
  std::size_t unique = 0;              // exported symbols that are STB_GNU_UNIQUE
  bool executable_stack = false;
  bool text_relocations = false;
};

/// Reads a file that PluginFile has accepted. Throws std::runtime_error, whose text completes
/// "FILE: …".
ElfFile read_elf(const std::filesystem::path& file);

}  // namespace gatehouse::core
