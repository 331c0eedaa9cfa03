#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <tuple>
#include <vector>

namespace gatehouse::core {

/// Where something is written. Lines and columns count from 1; 0: unknown.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  bool operator<(const Place& other) const {
    return std::tie(file, line, column) < std::tie(other.file, other.line, other.column);
  }
};

/// "line 4", or "conf.d/x.yaml:4" if that is another file than that of `from`.
std::string line_of(const Place& place, const Place& from);

/// Something the operator has to change, or, as a warning, may want to. The text quotes keys, and
/// values unless they may be secret.
struct Problem {
  Place place;
  std::string text;
  bool is_warning = false;

  bool operator<(const Problem& other) const {
    return std::tie(place, text) < std::tie(other.place, other.text);
  }
};

/// What is wrong with a configuration: collected first, shown all at once.
class Problems {
 public:
  void add(Place place, std::string text) {
    problems_.push_back({std::move(place), std::move(text)});
    ++errors_;
  }
  void warn(Place place, std::string text) {
    problems_.push_back({std::move(place), std::move(text), true});
  }
  /// Without the warnings.
  bool empty() const { return errors_ == 0; }
  std::size_t size() const { return errors_; }
  /// In the order of the file, each one once.
  std::vector<Problem> sorted() const;

 private:
  std::vector<Problem> problems_;
  std::size_t errors_ = 0;
};

/// `file:line:col: text`, or `file:line:col: warning: text`. Control characters, which keys may
/// hold, become `?`.
std::ostream& operator<<(std::ostream& out, const Problem& problem);
/// One per line.
std::ostream& operator<<(std::ostream& out, const Problems& problems);

/// {"file":…,"line":…,"column":…,"text":…}; unknown parts of the place are left out. The name of a
/// file may not be UTF-8.
void to_json(nlohmann::ordered_json& out, const Problem& problem);
/// {"problems":[…],"warnings":[…]}, each in the order of the file.
void to_json(nlohmann::ordered_json& out, const Problems& problems);
/// JSON text that is valid UTF-8 even if the names of files are not.
std::string to_text(const nlohmann::ordered_json& json, int indent = -1);

}  // namespace gatehouse::core
