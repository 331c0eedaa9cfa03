#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/config/problems.h"

namespace gatehouse::core {

/// How one value got into the configuration.
struct Origin {
  int line = 0, column = 0;          // of the value
  int key_line = 0, key_column = 0;  // of its key; in a list, of the value
  bool plain = false;    // a scalar without quotes, which is typed by what it looks like
  bool hidden = false;   // from the environment or a file: it may be a secret and is never shown
  bool open = false;     // from a file that every user of the machine can read
  bool broken = false;   // already reported as a problem: its value has no meaning
  std::size_t file = 0;  // of Origins: an included file, or 0, the first one
};

/// The origin of each value of a document: of one file, and of those that it includes. Values are
/// named by JSON pointers (RFC 6901).
class Origins {
 public:
  explicit Origins(std::string file) : files_{std::move(file)} {}

  /// The first one.
  const std::string& file() const { return files_[0]; }
  /// The file in which the value is written.
  const std::string& file_of(std::string_view pointer) const { return files_[at(pointer).file]; }
  /// Takes over `value`, which stands at `there` in another document, and stands `here` now.
  void adopt(const nlohmann::ordered_json& value, const Origins& other, const std::string& there,
             const std::string& here);
  /// Removes what is inside the value.
  void forget_inside(const std::string& pointer);
  Origin& operator[](const std::string& pointer) { return origins_[pointer]; }
  /// Whether the value is in a file.
  bool has(const std::string& pointer) const { return origins_.count(pointer) > 0; }
  /// What is not in the file has the origin of the nearest value around it.
  const Origin& at(std::string_view pointer) const;
  Place place(std::string_view pointer) const;
  Place key_place(std::string_view pointer) const;

 private:
  std::vector<std::string> files_;
  std::unordered_map<std::string, Origin> origins_;
};

/// The pointer of a member; `~` and `/` in `key` are escaped.
std::string child(const std::string& pointer, std::string_view key);
std::string child(const std::string& pointer, std::size_t index);

/// The longest text of a configuration, of a file that it refers to, and of a value. Real ones are
/// a thousand times shorter.
inline constexpr std::size_t kMaxConfigBytes = 1 << 20;

/// Converts YAML text to JSON. Returns nothing if it is not one document that JSON can express.
///
/// Scalars without quotes are typed by the core schema of YAML 1.2: `no`, `on` and `1_000` are
/// strings, `010` is ten. Duplicate keys, merge keys, tags and further documents are rejected.
std::optional<nlohmann::ordered_json> parse_yaml(std::string_view text, Origins& origins,
                                                 Problems& problems);

/// The value that a scalar without quotes stands for.
nlohmann::ordered_json type_scalar(const std::string& text);

}  // namespace gatehouse::core
