#include "core/config/problems.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

namespace gatehouse::core {

std::string line_of(const Place& place, const Place& from) {
  const std::string line = std::to_string(place.line);
  return place.file == from.file ? "line " + line : place.file + ':' + line;
}

std::vector<Problem> Problems::sorted() const {
  std::vector<Problem> all = problems_;
  std::sort(all.begin(), all.end());
  // A value with several aliases has the same problem in each of them.
  const auto same = [](const Problem& a, const Problem& b) { return !(a < b) && !(b < a); };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  return all;
}

std::ostream& operator<<(std::ostream& out, const Problem& problem) {
  std::string line = problem.place.file;
  if (problem.place.line > 0)
    line += ':' + std::to_string(problem.place.line) + ':' + std::to_string(problem.place.column);
  if (!line.empty()) line += ": ";
  line += (problem.is_warning ? "warning: " : "") + problem.text;
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return out << line;
}

std::ostream& operator<<(std::ostream& out, const Problems& problems) {
  for (const Problem& problem : problems.sorted()) out << problem << '\n';
  return out;
}

void to_json(nlohmann::ordered_json& out, const Problem& problem) {
  out = nlohmann::ordered_json::object();
  if (!problem.place.file.empty()) out["file"] = problem.place.file;
  if (problem.place.line > 0) out["line"] = problem.place.line;
  if (problem.place.column > 0) out["column"] = problem.place.column;
  out["text"] = problem.text;
}

std::string to_text(const nlohmann::ordered_json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void to_json(nlohmann::ordered_json& out, const Problems& problems) {
  out = {{"problems", nlohmann::ordered_json::array()},
         {"warnings", nlohmann::ordered_json::array()}};
  for (const Problem& problem : problems.sorted())
    out[problem.is_warning ? "warnings" : "problems"].push_back(problem);
}

}  // namespace gatehouse::core
