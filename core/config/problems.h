#pragma once

#include <iosfwd>
#include <string>
#include <tuple>
#include <vector>

namespace gatehouse::core {

/// Where something is written. Lines and columns count from 1; 0: unknown.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  bool operator<(const Place& other) const { return std::tie(file, line, column) < std::tie(other.file, other.line, other.column); }
};

/// Something the operator has to change. The text quotes keys, and values unless they may be secret.
struct Problem {
  Place place;
  std::string text;

  bool operator<(const Problem& other) const { return std::tie(place, text) < std::tie(other.place, other.text); }
};

/// What is wrong with a configuration: collected first, shown all at once.
class Problems {
 public:
  void add(Place place, std::string text) { problems_.push_back({std::move(place), std::move(text)}); }
  bool empty() const { return problems_.empty(); }
  std::size_t size() const { return problems_.size(); }
  /// In the order of the file, each one once.
  std::vector<Problem> sorted() const;

 private:
  std::vector<Problem> problems_;
};

/// One `file:line:col: text` per line. Control characters, which keys may hold, become `?`.
std::ostream& operator<<(std::ostream& out, const Problems& problems);

}  // namespace gatehouse::core
