#include "core/loader/elf_file.h"

#include <elf.h>
#include <openssl/sha.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/loader/elf_bytes.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file), header_(read_at<Elf64_Ehdr>(file, 0)) {}

  ElfFile read() {
    read_segments();
    for (std::size_t i = 0; i < header_.e_shnum; ++i) {
      const Elf64_Shdr s = section(i);
      if (s.sh_type == SHT_DYNAMIC) read_dynamic(s);
      if (s.sh_type == SHT_DYNSYM) read_symbols(s);
      if (s.sh_type == SHT_GNU_verneed) read_versions(s);
    }
    for (auto* names : {&out_.needed, &out_.versions, &out_.exported})
      std::sort(names->begin(), names->end());
    return std::move(out_);
  }

 private:
  Elf64_Shdr section(std::size_t index) const {
    return read_at<Elf64_Shdr>(file_, header_.e_shoff + index * sizeof(Elf64_Shdr));
  }
  /// The texts that the entries of a section refer to.
  std::string_view names_of(const Elf64_Shdr& s) const {
    const Elf64_Shdr names = section(s.sh_link);
    return part(file_, names.sh_offset, names.sh_size);
  }
  static std::string text(std::string_view names, std::uint64_t at) {
    const std::string_view rest = part(names, at, names.size() - std::min(at, names.size()));
    return std::string(rest.substr(0, rest.find('\0')));
  }

  /// Without PT_GNU_STACK the stack is executable.
  void read_segments() {
    out_.executable_stack = true;
    for (std::size_t i = 0; i < header_.e_phnum; ++i) {
      const auto s = read_at<Elf64_Phdr>(file_, header_.e_phoff + i * sizeof(Elf64_Phdr));
      if (s.p_type == PT_GNU_STACK) out_.executable_stack = (s.p_flags & PF_X) != 0;
    }
  }
  void read_dynamic(const Elf64_Shdr& s) {
    const std::string_view names = names_of(s);
    for (std::uint64_t at = 0; at < s.sh_size; at += sizeof(Elf64_Dyn)) {
      const auto d = read_at<Elf64_Dyn>(file_, s.sh_offset + at);
      if (d.d_tag == DT_NEEDED) out_.needed.push_back(text(names, d.d_un.d_val));
      if (d.d_tag == DT_RPATH || d.d_tag == DT_RUNPATH)
        out_.run_paths.push_back(text(names, d.d_un.d_val));
      const bool flagged = d.d_tag == DT_FLAGS && (d.d_un.d_val & DF_TEXTREL) != 0;
      if (d.d_tag == DT_TEXTREL || flagged) out_.text_relocations = true;
    }
  }
  void read_symbols(const Elf64_Shdr& s) {
    const std::string_view names = names_of(s);
    for (std::uint64_t at = 0; at < s.sh_size; at += sizeof(Elf64_Sym)) {
      const auto symbol = read_at<Elf64_Sym>(file_, s.sh_offset + at);
      const int binding = ELF64_ST_BIND(symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF || binding == STB_LOCAL) continue;
      out_.exported.push_back(text(names, symbol.st_name));
      if (binding == STB_GNU_UNIQUE) ++out_.unique;
    }
  }
  /// A chain of libraries, each with a chain of versions.
  void read_versions(const Elf64_Shdr& s) {
    const std::string_view names = names_of(s);
    std::uint64_t at = s.sh_offset;
    for (std::size_t i = 0; i < s.sh_info; ++i) {
      const auto library = read_at<Elf64_Verneed>(file_, at);
      std::uint64_t version_at = at + library.vn_aux;
      for (std::size_t k = 0; k < library.vn_cnt; ++k) {
        const auto version = read_at<Elf64_Vernaux>(file_, version_at);
        out_.versions.push_back(text(names, version.vna_name));
        version_at += version.vna_next;
      }
      at += library.vn_next;
    }
  }

  const std::string_view file_;
  const Elf64_Ehdr header_;
  ElfFile out_;
};

}  // namespace

ElfFile read_elf(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  ElfFile out = Reader(bytes).read();
  Digest digest;
  ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  out.sha256 = hex(digest);
  return out;
}

}  // namespace gatehouse::core
