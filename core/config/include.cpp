// Included files add to the configuration and override nothing, so that a setting has one place
// whatever the order of the files: maps are merged, lists are appended, and a setting in two files
// is a problem that names both places.
//
// Only the pipeline is not appended to, since its order matters: an entry of an included file names
// its place by `before` or `after` and the name of another entry. That needs no numbers on which
// packages would have to agree, and no marks in the main file. Entries for the same place keep the
// order of their files.
#include "core/config/include.h"

#include <fnmatch.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/config/config.h"
#include "core/config/reader.h"
#include "core/config/substitute.h"
#include "core/config/suggest.h"

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct Document {
  Json root;
  Origins origins;
};

/// A pipeline entry, and where it was written.
struct Entry {
  Json value;
  const Origins* origins;
  std::string pointer;

  std::string text(const char* key) const {
    const auto found = value.is_object() ? value.find(key) : value.end();
    return found != value.end() && found->is_string() ? found->get<std::string>() : "";
  }
  /// Of its instance.
  std::string name() const {
    if (value.is_string()) return value.get<std::string>();
    const std::string as = text("as");
    return as.empty() ? plugin_of(value) : as;
  }
};

class Includer {
 public:
  Includer(Json& root, Origins& origins, Problems& problems)
      : root_(root), origins_(origins), main_(origins), problems_(problems) {
    for (Entry& entry : entries_of(root, main_)) pipeline_.push_back(std::move(entry));
  }

  void include(const std::string& pattern) {
    for (const fs::path& file : files(pattern)) {
      if (const Document* const document = read(file)) add(*document);
    }
    if (pipeline_.empty()) return;
    Json& list = root_["pipeline"] = Json::array();
    origins_.forget_inside("/pipeline");
    for (const Entry& entry : pipeline_) {
      origins_.adopt(entry.value, *entry.origins, entry.pointer, child("/pipeline", list.size()));
      list.push_back(entry.value);
    }
  }

 private:
  static std::vector<Entry> entries_of(const Json& root, const Origins& origins) {
    std::vector<Entry> entries;
    const auto list = root.find("pipeline");
    if (list == root.end() || !list->is_array()) return entries;
    for (const Json& entry : *list)
      entries.push_back({entry, &origins, child("/pipeline", entries.size())});
    return entries;
  }

  /// The files that match, in the order of their names.
  std::vector<fs::path> files(const std::string& pattern) const {
    const fs::path wanted = fs::path(origins_.file()).parent_path() / pattern;
    const fs::path folder = wanted.has_parent_path() ? wanted.parent_path() : ".";
    const Place place = origins_.place("/include");
    std::vector<fs::path> found;
    std::error_code error;
    for (const auto& file : fs::directory_iterator(folder, error)) {
      const fs::path name = file.path().filename();
      if (::fnmatch(wanted.filename().c_str(), name.c_str(), FNM_PERIOD) == 0)
        found.push_back(wanted.parent_path() / name);
    }
    std::sort(found.begin(), found.end());
    if (error) {
      problems_.add(place, "cannot read the folder " + folder.string() + ": " + error.message());
    } else if (found.empty() && pattern.find_first_of("*?[") == pattern.npos) {
      problems_.add(place, "there is no file " + wanted.string());
    }
    if (const std::string who = others_who_write(folder); !who.empty())
      problems_.warn(place, who + " can add files to the folder " + folder.string() +
                                ", which gives them the privileges of the gateway");
    return found;
  }

  /// Null if it is not a map.
  const Document* read(const fs::path& file) {
    Document document{{}, Origins(file)};
    auto root = read_map(file, document.origins, problems_);
    if (!root) return nullptr;
    document.root = *std::move(root);
    return &documents_.emplace_back(std::move(document));
  }

  void add(const Document& document) {
    for (const auto& [key, value] : document.root.items()) {
      const std::string pointer = child("", key);
      if (key == "include") {
        problems_.add(
            document.origins.key_place(pointer),
            "an included file cannot include others: add them to `include` of " + origins_.file());
      } else if (key == "pipeline" && value.is_array()) {
        for (Entry& entry : entries_of(document.root, document.origins)) place(std::move(entry));
      } else {
        merge(root_[key], value, pointer, document.origins);
      }
    }
  }

  /// Adds `value` to `into`; both stand at `pointer` in their files.
  void merge(Json& into, const Json& value, const std::string& pointer, const Origins& origins) {
    if (into.is_null()) {
      into = value;
      origins_.adopt(value, origins, pointer, pointer);
    } else if (value.is_null()) {
      return;  // all settings of a section are commented out
    } else if (into.is_object() && value.is_object()) {
      for (const auto& [key, member] : value.items())
        merge(into[key], member, child(pointer, key), origins);
    } else if (into.is_array() && value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        origins_.adopt(value[i], origins, child(pointer, i), child(pointer, into.size()));
        into.push_back(value[i]);
      }
    } else {
      const Place other = origins_.key_place(pointer), here = origins.key_place(pointer);
      std::string name = pointer.substr(1);
      std::replace(name.begin(), name.end(), '/', '.');
      problems_.add(
          here, '`' + name + "` is also set in " + line_of(other, here) + ": keep one of the two");
    }
  }

  /// Puts an entry of an included file to its place in the pipeline.
  void place(Entry entry) {
    const Place where = entry.origins->place(entry.pointer);
    const std::string before = entry.text("before"), after = entry.text("after");
    if (before.empty() == after.empty()) {
      problems_.add(where,
                    "an entry of an included file needs its place in the pipeline: `before` or "
                    "`after`, and the name of another entry");
      return;
    }
    const std::string& name = before.empty() ? after : before;
    auto at = std::find_if(pipeline_.begin(), pipeline_.end(),
                           [&](const Entry& other) { return other.name() == name; });
    if (at == pipeline_.end()) return unknown(where, name);
    if (before.empty()) {
      do ++at;
      while (at != pipeline_.end() && at->origins != &main_ && at->text("after") == name);
    }
    pipeline_.insert(at, std::move(entry));
  }

  void unknown(const Place& where, const std::string& name) {
    std::vector<std::string> names;
    for (const Entry& entry : pipeline_) names.push_back(entry.name());
    const std::string near = suggest(name, names);
    problems_.add(where, "there is no `" + name + "` in the pipeline, nor in an earlier file" +
                             (near.empty() ? "" : ": did you mean `" + near + "`?"));
  }

  Json& root_;
  Origins& origins_;
  const Origins main_;  // of the main file alone
  Problems& problems_;
  std::deque<Document> documents_;  // included
  std::vector<Entry> pipeline_;
};

}  // namespace

std::optional<Json> parse_map(std::string_view text, Origins& origins, Problems& problems) {
  auto root = parse_yaml(text, origins, problems);
  if (!root || root->is_object()) return root;
  problems.add(origins.place(""),
               "the configuration must be a map that begins with a key such as `pipeline:`");
  return std::nullopt;
}

std::optional<Json> read_map(const fs::path& file, Origins& origins, Problems& problems) {
  std::string error;
  const auto text = read_file(file, error);
  if (!text) {
    problems.add({file}, error);
    return std::nullopt;
  }
  if (const std::string who = others_who_write(file); !who.empty()) {
    problems.warn({file},
                  "can be changed by " + who + ", which gives them the privileges of the gateway");
  }
  return parse_map(*text, origins, problems);
}

void include_files(Json& root, Origins& origins, Problems& problems) {
  const auto pattern = root.find("include");
  if (pattern == root.end() || !pattern->is_string()) return;
  Includer(root, origins, problems).include(pattern->get<std::string>());
}

}  // namespace gatehouse::core
