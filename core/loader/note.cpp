#include "core/loader/note.h"

#include <elf.h>

#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "core/loader/elf_bytes.h"

namespace gatehouse::core {
namespace {

constexpr std::size_t kMaxNote = 1u << 20;  // 40 times the largest schema of our own

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
#error "name this machine's ELF number here"
#endif

std::string read_text(std::string_view file, const Elf64_Shdr& section) {
  if (section.sh_size > kMaxNote)
    throw std::runtime_error("has a section of names or notes larger than 1 MiB");
  return std::string(part(file, section.sh_offset, section.sh_size));
}

/// The content of section `.gatehouse`.
std::string section_text(std::string_view file) {
  const auto header = read_at<Elf64_Ehdr>(file, 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_type != ET_DYN) {
    throw std::runtime_error("is not a 64-bit ELF shared object");
  }
  if (header.e_machine != kMachine)
    throw std::runtime_error("was built for another kind of processor");
  // The dynamic loader does not check this: a truncated segment would kill the process.
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = read_at<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type == PT_LOAD) (void)part(file, segment.p_offset, segment.p_filesz);
  }
  const auto section = [&](std::size_t index) {
    return read_at<Elf64_Shdr>(file, header.e_shoff + index * sizeof(Elf64_Shdr));
  };
  const std::string names = read_text(file, section(header.e_shstrndx));
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr s = section(i);
    const bool has_name = s.sh_name < names.size();
    if (has_name && std::strcmp(names.c_str() + s.sh_name, ".gatehouse") == 0)
      return read_text(file, s);
  }
  throw std::runtime_error(
      "is not a Gatehouse plugin: it has no section .gatehouse, which GATEHOUSE_PLUGIN makes and "
      "which gh_plugin.note keeps from being dropped by the linker");
}

}  // namespace

Note read_note(std::string_view file) {
  std::string text = section_text(file);
  text.resize(std::strlen(text.c_str()));  // the string literal's end and padding
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    Note note;
    const std::string abi = json.at("abi");
    if (std::sscanf(abi.c_str(), "%d.%d", &note.abi_major, &note.abi_minor) != 2)
      throw std::runtime_error("has a note with a malformed `abi`");
    note.needs = json.at("needs");
    note.name = json.at("name");
    note.version = json.at("version");
    note.summary = json.at("summary");
    note.schema = json.at("schema").dump();
    return note;
  } catch (const nlohmann::json::exception& e) {
    throw std::runtime_error(
        "has a malformed note in its section .gatehouse: name, version and summary must have no "
        "quotes or backslashes, the schema must be one JSON object: " +
        std::string(e.what()));
  }
}

}  // namespace gatehouse::core
