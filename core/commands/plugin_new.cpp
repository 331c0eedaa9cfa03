#include "core/commands/plugin_new.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include "templates.h"  // made from sdk/example and sdk/template: kTemplateFiles

// A new project is an example of the SDK under another name. The names of those examples are two
// words that occur nowhere else in them, so that their three spellings can be replaced: `add-tool`
// in texts, `add_tool` in files and code, `AddTool` in code.

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;

struct Template {
  std::string_view language, kind, example, frame;  // frame: the rest of the project
};
constexpr Template kTemplates[] = {
    {"cpp", "policy", "request-log", "cmake"}, {"cpp", "provider", "echo-model", "cmake"},
    {"cpp", "ingress", "text-api", "cmake"},   {"cpp", "tools", "add-tool", "cmake"},
    {"c", "policy", "size-guard", "cmake"},    {"c", "provider", "fixed-model", "cmake"},
    {"c", "ingress", "plain-api", "cmake"},    {"c", "tools", "sum-tool", "cmake"},
    {"rust", "policy", "path-guard", "rust"},  {"rust", "provider", "repeat-model", "rust"},
    {"rust", "ingress", "line-api", "rust"},   {"rust", "tools", "plus-tool", "rust"},
};

/// Where a file of the frame goes, whose name in the source tree is not hidden.
constexpr std::pair<std::string_view, std::string_view> kHidden[] = {
    {"gitignore", ".gitignore"}, {"cargo.toml", ".cargo/config.toml"}};

/// What a namespace or a target of CMake cannot be called.
constexpr std::string_view kReserved[] = {
    "all",      "alignas",  "and",    "asm",      "auto",      "bool",      "break",     "case",
    "catch",    "char",     "class",  "clean",    "concept",   "const",     "continue",  "default",
    "delete",   "do",       "double", "else",     "enum",      "explicit",  "export",    "extern",
    "false",    "float",    "for",    "friend",   "gatehouse", "goto",      "help",      "if",
    "inline",   "install",  "int",    "long",     "main",      "mutable",   "namespace", "new",
    "not",      "operator", "or",     "package",  "private",   "protected", "public",    "register",
    "requires", "return",   "short",  "signed",   "sizeof",    "static",    "std",       "struct",
    "switch",   "template", "test",   "this",     "throw",     "true",      "try",       "typedef",
    "typeid",   "typename", "union",  "unsigned", "using",     "virtual",   "void",      "volatile",
    "while",    "xor"};

void check_name(const std::string& name) {
  const auto is_allowed = [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || c == '-' || c == '_');
  };
  const bool is_name = !name.empty() && name.size() <= 64 &&
                       std::all_of(name.begin(), name.end(), is_allowed) &&
                       std::isalpha(static_cast<unsigned char>(name[0]));
  if (!is_name) {
    throw std::runtime_error(
        "the name of a plugin has letters, digits, - and _, begins with a letter and is at most 64 "
        "characters long");
  }
  if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved))
    throw std::runtime_error("`" + name + "` has a meaning in C++ or CMake: choose another name");
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// `add-tool` as a name in code: `add_tool`.
std::string identifier(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// `add-tool` as a class: `AddTool`.
std::string class_name(std::string_view name) {
  std::string out;
  bool begins = true;
  for (const char c : name) {
    const bool separates = c == '-' || c == '_';
    if (!separates) out += begins ? static_cast<char>(std::toupper(c)) : c;
    begins = separates;
  }
  return out;
}

class Project {
 public:
  Project(const NewPlugin& wanted, const Template& from)
      : name_(wanted.name),
        example_(from.example),
        frame_(from.frame),
        suffix_(from.language),
        prefix_(fs::read_symlink("/proc/self/exe").parent_path().parent_path()),
        folder_(wanted.folder.empty() ? wanted.name : wanted.folder) {}

  void write() const {
    if (fs::exists(folder_) && !fs::is_empty(folder_)) {
      throw std::runtime_error(folder_.string() +
                               " exists and is not empty: choose another folder with --dir");
    }
    if (frame_ == "rust" && !fs::exists(crates())) {
      throw std::runtime_error("the crates for Rust are not in " + crates().string() +
                               ": install the package libgatehouse-dev");
    }
    for (const TemplateFile& file : kTemplateFiles) {
      if (file.folder == example_) write(renamed(file.path), renamed(file.content));
      if (file.folder == frame_) write(unhidden(file.path), filled_in(file.content));
    }
  }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path crates() const { return prefix_ / "share/gatehouse/rust"; }
  static std::string unhidden(std::string_view path) {
    for (const auto& [name, hidden] : kHidden) {
      if (path == name) return std::string(hidden);
    }
    return std::string(path);
  }
  std::string renamed(std::string_view text) const {
    std::string out = replaced(std::string(text), example_, name_);
    out = replaced(std::move(out), "../../rust", crates().string());  // in Cargo.toml
    out = replaced(std::move(out), identifier(example_), identifier(name_));
    return replaced(std::move(out), class_name(example_), class_name(name_));
  }
  std::string filled_in(std::string_view text) const {
    std::string out = replaced(std::string(text), "@NAME@", name_);
    out = replaced(std::move(out), "@FILE@", identifier(name_));
    out = replaced(std::move(out), "@LIBRARIES@", (prefix_ / "lib/gatehouse/sdk").string());
    return replaced(std::move(out), "@SUFFIX@", suffix_);
  }
  void write(const std::string& path, const std::string& content) const {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream file(folder_ / path, std::ios::binary);
    file << content;
    if (!file.flush()) {
      throw std::runtime_error((folder_ / path).string() +
                               " cannot be written: " + std::strerror(errno));
    }
  }

  const std::string name_, example_, frame_, suffix_;
  const fs::path prefix_;  // of this installation
  const fs::path folder_;
};

}  // namespace

int new_plugin(const NewPlugin& wanted) {
  check_name(wanted.name);
  const auto* const from = std::find_if(
      std::begin(kTemplates), std::end(kTemplates),
      [&](const Template& t) { return t.language == wanted.language && t.kind == wanted.kind; });
  if (from == std::end(kTemplates))
    throw std::runtime_error("there is no template for this language and kind");
  const Project project(wanted, *from);
  project.write();
  std::cout << "created " << project.folder().string() << "; build and test it there:\n\n"
            << (from->frame == "rust"
                    ? "  cargo test && cargo build --release\n"
                    : "  cmake -B build && cmake --build build && ctest --test-dir build\n");
  return 0;
}

}  // namespace gatehouse::core
