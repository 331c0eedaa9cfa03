#include "key_set.h"

namespace gatehouse::plugins::keys {

void KeySet::add_list(Host host, Json entries) {
  std::size_t index = 0;
  for (const Json entry : entries) {
    EntryProblem problem;
    std::string place = "/keys/" + std::to_string(index++);
    if (add(entry, problem)) continue;
    if (!problem.member.empty()) place += '/' + problem.member;
    host.problem(place, problem.text);
  }
}

void KeySet::add_lines(View file, View content, std::vector<std::string>& problems) {
  constexpr std::size_t kMost = 20;  // a file of another kind is wrong in each line
  std::size_t number = 0;
  while (!content.empty() && problems.size() < kMost) {
    const View line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    ++number;
    const View text = trim(line);
    if (text.empty() || text.front() == '#') continue;
    EntryProblem problem;
    auto entry = Document::parse(text);
    if (entry && add(entry->root(), problem)) continue;
    const std::string why = entry ? problem.text : std::string(entry.error().failure().message());
    problems.push_back(std::string(file) + ':' + std::to_string(number) + ": " + why);
  }
}

bool KeySet::add(Json entry, EntryProblem& problem) {
  auto read = read_entry(entry, problem);
  if (!read) return false;
  const bool is_new = keys_.try_emplace(read->sha256, std::move(read->key)).second;
  if (!is_new) problem = {"sha256", "`sha256` is that of another entry: each key stands once"};
  return is_new;
}

const Key* KeySet::find(const Digest& sha256) const {
  const auto found = keys_.find(sha256);
  return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace gatehouse::plugins::keys
