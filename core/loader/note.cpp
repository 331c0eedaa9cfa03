#include "core/loader/note.h"

#include <elf.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

namespace gatehouse::core {
namespace {

constexpr std::size_t kMaxNote = 1u << 20;  // a schema of that size nobody has written

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
#error "name this machine's ELF number here"
#endif

template <class T>
T read_at(std::ifstream& in, std::uint64_t offset) {
  T value;
  in.seekg(static_cast<std::streamoff>(offset));
  if (!in.read(reinterpret_cast<char*>(&value), sizeof value)) throw std::runtime_error("is cut short");
  return value;
}

std::string read_text(std::ifstream& in, const Elf64_Shdr& section) {
  if (section.sh_size > kMaxNote) throw std::runtime_error("has a section of names or notes larger than 1 MiB");
  std::string text(section.sh_size, '\0');
  in.seekg(static_cast<std::streamoff>(section.sh_offset));
  if (!in.read(text.data(), static_cast<std::streamsize>(text.size()))) throw std::runtime_error("is cut short");
  return text;
}

/// The content of section `.gatehouse`.
std::string section_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(std::string("cannot be read: ") + std::strerror(errno));
  const auto header = read_at<Elf64_Ehdr>(in, 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN) {
    throw std::runtime_error("is not a 64-bit ELF shared object");
  }
  if (header.e_machine != kMachine) throw std::runtime_error("was built for another kind of processor");
  const auto section = [&](std::size_t index) { return read_at<Elf64_Shdr>(in, header.e_shoff + index * sizeof(Elf64_Shdr)); };
  const std::string names = read_text(in, section(header.e_shstrndx));
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr s = section(i);
    if (s.sh_name < names.size() && std::strcmp(names.c_str() + s.sh_name, ".gatehouse") == 0) return read_text(in, s);
  }
  throw std::runtime_error("is no Gatehouse plugin: it has no section .gatehouse");
}

}  // namespace

Note read_note(const std::filesystem::path& file) {
  std::string text = section_text(file);
  text.resize(std::strlen(text.c_str()));  // the string literal's end and padding
  try {
    const auto json = nlohmann::json::parse(text);
    Note note;
    const std::string abi = json.at("abi");
    if (std::sscanf(abi.c_str(), "%d.%d", &note.abi_major, &note.abi_minor) != 2) throw std::runtime_error("has a note with a malformed `abi`");
    note.needs = json.at("needs");
    note.name = json.at("name");
    note.version = json.at("version");
    note.summary = json.at("summary");
    note.schema = json.at("schema").dump();
    return note;
  } catch (const nlohmann::json::exception&) {
    throw std::runtime_error("has a malformed note in its section .gatehouse");
  }
}

}  // namespace gatehouse::core
