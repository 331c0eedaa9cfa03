#include "core/config/yaml.h"

#include <simdjson.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unordered_set>
#include <vector>

namespace gatehouse::core {
namespace {

// yaml-cpp parses the text; Converter turns its nodes into JSON and notes the origin of each value.
// Lines and second_document() find the mistakes that yaml-cpp accepts or places badly.

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;  // deeper than any configuration
// The most memory of all values and their pointers, enough for 100,000. It stops aliases of
// aliases, which double with every line.
constexpr std::size_t kMaxExpandedBytes = 8 << 20;
constexpr std::size_t kMaxKeyBytes = 256;

/// Needed because yaml-cpp writes Latin-1 for the escapes "\N" and "\_".
bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

template <class T>
bool number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool integer(std::string_view digits, int base, std::int64_t& out) {
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  return !digits.empty() && digits[0] != '-' && error == std::errc() &&
         end == digits.data() + digits.size();
}

/// Where the second document of a file begins. YAML::LoadAll() does not return for a text such as
/// ",".
std::optional<YAML::Mark> second_document(const std::string& text) {
  struct Starts final : YAML::EventHandler {
    std::vector<YAML::Mark> marks;
    void OnDocumentStart(const YAML::Mark& mark) override { marks.push_back(mark); }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
  } starts;
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  while (starts.marks.size() < 2 && parser.HandleNextDocument(starts)) {
  }
  if (starts.marks.size() < 2) return std::nullopt;
  return starts.marks[1];
}

/// The text, by its lines.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      lines_.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    all_ = text;
  }

  /// Whether the quote that begins here is closed. yaml-cpp accepts the end of the file as its end.
  bool closes(const YAML::Mark& mark) const {
    if (mark.line < 0 || static_cast<std::size_t>(mark.line) >= lines_.size()) return true;
    const std::string_view line = lines_[mark.line];
    const auto at = line.data() - all_.data() + mark.column;
    const std::string_view rest = all_.substr(std::min<std::size_t>(at, all_.size()));
    if (rest.empty() || (rest[0] != '"' && rest[0] != '\'')) return true;
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[0] == '"' && rest[i] == '\\') {
        ++i;
      } else if (rest[i] == rest[0]) {
        if (rest[0] == '"' || i + 1 == rest.size() || rest[i + 1] != rest[0]) return true;
        ++i;  // two single quotes stand for one
      }
    }
    return false;
  }

  /// The number of this line or the one before if it is indented with a tab; -1: neither is.
  int tab_near(int line) const {
    for (int i = std::max(line - 1, 0); i <= line && static_cast<std::size_t>(i) < lines_.size();
         ++i) {
      const auto text = lines_[i].find_first_not_of(" \t");
      if (lines_[i].substr(0, text).find('\t') != std::string_view::npos &&
          text != std::string_view::npos)
        return i;
    }
    return -1;
  }

 private:
  std::string_view all_;
  std::vector<std::string_view> lines_;
};

class Converter {
 public:
  Converter(const Lines& lines, Origins& origins, Problems& problems)
      : lines_(lines), origins_(origins), problems_(problems) {}

  Json convert(const YAML::Node& node, const std::string& pointer, YAML::Mark key, int depth) {
    const YAML::Mark mark = node.Mark();
    if (depth > kMaxDepth)
      throw YAML::ParserException(mark,
                                  "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    used_bytes_ += sizeof(Json) + sizeof(Origin) + pointer.size() +
                   (node.IsScalar() ? node.Scalar().size() : 0);
    if (used_bytes_ > kMaxExpandedBytes)
      throw YAML::ParserException(mark, "too many values, counting each alias as a copy");

    Origin& origin = origins_[pointer];
    // The mark of an empty value is that of the next token in the file.
    const YAML::Mark& own = node.IsNull() && mark.line != key.line ? key : mark;
    origin = {own.line + 1, own.column + 1, key.line + 1, key.column + 1};
    const std::string& tag = node.Tag();  // "?" without quotes, "!" with
    if (tag.size() > 1) {
      problems_.add(origins_.place(pointer), "tags such as `" + tag + "` are not supported");
      origin.broken = true;
      return nullptr;
    }
    if (node.IsMap()) return convert_map(node, pointer, depth);
    if (node.IsSequence()) {
      Json list = Json::array();
      for (const auto& item : node)
        list.push_back(convert(item, child(pointer, list.size()), item.Mark(), depth + 1));
      return list;
    }
    if (node.IsNull()) return nullptr;
    if (!is_utf8(node.Scalar()))
      throw YAML::ParserException(mark, "an escape sequence that is not a character");
    origin.plain = tag == "?";
    if (!origin.plain && !lines_.closes(mark))
      throw YAML::ParserException(mark, "this quote is not closed");
    return origin.plain ? type_scalar(node.Scalar()) : Json(node.Scalar());
  }

 private:
  Json convert_map(const YAML::Node& node, const std::string& pointer, int depth) {
    Json map = Json::object();
    auto& members = map.get_ref<Json::object_t&>();
    std::unordered_set<std::string> seen;
    for (const auto& member : node) {
      const YAML::Mark mark = member.first.Mark();
      const auto reject = [&](std::string text) {
        problems_.add({origins_.file(), mark.line + 1, mark.column + 1}, std::move(text));
      };
      if (!member.first.IsScalar() || !is_utf8(member.first.Scalar())) {
        reject("a key must be text");
      } else if (const std::string& key = member.first.Scalar(); key.size() > kMaxKeyBytes) {
        reject("a key must not be longer than " + std::to_string(kMaxKeyBytes) + " bytes");
      } else if (key == "<<") {
        reject("merge keys (`<<`) are not supported: write the keys out");
      } else if (!seen.insert(key).second) {
        reject("`" + key + "` is a duplicate key");
      } else {
        // Not operator[], which searches all members for the key: `seen` has done that faster.
        members.push_back({key, convert(member.second, child(pointer, key), mark, depth + 1)});
      }
    }
    return map;
  }

  const Lines& lines_;
  Origins& origins_;
  Problems& problems_;
  std::size_t used_bytes_ = 0;
};

}  // namespace

const Origin& Origins::at(std::string_view pointer) const {
  static const Origin kUnknown;
  for (;;) {
    if (const auto found = origins_.find(std::string(pointer)); found != origins_.end())
      return found->second;
    if (pointer.empty()) return kUnknown;
    pointer = pointer.substr(0, pointer.rfind('/') == pointer.npos ? 0 : pointer.rfind('/'));
  }
}

Place Origins::place(std::string_view pointer) const {
  const Origin& origin = at(pointer);
  return {files_[origin.file], origin.line, origin.column};
}

Place Origins::key_place(std::string_view pointer) const {
  const Origin& origin = at(pointer);
  return {files_[origin.file], origin.key_line, origin.key_column};
}

void Origins::adopt(const Json& value, const Origins& other, const std::string& there,
                    const std::string& here) {
  if (const auto found = other.origins_.find(there); found != other.origins_.end()) {
    const std::string& name = other.files_[found->second.file];
    const auto file = std::find(files_.begin(), files_.end(), name);
    Origin origin = found->second;
    origin.file = static_cast<std::size_t>(file - files_.begin());
    if (file == files_.end()) files_.push_back(name);
    origins_[here] = origin;
  }
  for (std::size_t i = 0; value.is_array() && i < value.size(); ++i)
    adopt(value[i], other, child(there, i), child(here, i));
  if (!value.is_object()) return;
  for (const auto& [key, member] : value.items())
    adopt(member, other, child(there, key), child(here, key));
}

void Origins::forget_inside(const std::string& pointer) {
  std::erase_if(origins_,
                [&](const auto& known) { return known.first.starts_with(pointer + '/'); });
}

std::string child(const std::string& pointer, std::string_view key) {
  std::string out = pointer + '/';
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string child(const std::string& pointer, std::size_t index) {
  return pointer + '/' + std::to_string(index);
}

Json type_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;

  std::string_view digits = text;
  std::int64_t whole = 0;
  if (digits.substr(0, 2) == "0x" && integer(digits.substr(2), 16, whole)) return whole;
  if (digits.substr(0, 2) == "0o" && integer(digits.substr(2), 8, whole)) return whole;

  if (digits[0] == '+') digits.remove_prefix(1);
  if (digits.find_first_not_of("0123456789.eE+-") != digits.npos ||
      (digits.size() < text.size() && digits.substr(0, 1) == "-"))
    return text;
  if (number(digits, whole)) return whole;
  double real = 0;
  if (number(digits, real)) return real;
  return text;  // `.inf` and `.nan` too: JSON has no such numbers
}

std::optional<Json> parse_yaml(std::string_view text, Origins& origins, Problems& problems) {
  const auto reject = [&](YAML::Mark mark, std::string why) {
    problems.add({origins.file(), mark.line + 1, mark.column + 1}, std::move(why));
    return std::nullopt;
  };
  const YAML::Mark whole_file = YAML::Mark::null_mark();
  if (text.size() > kMaxConfigBytes) return reject(whole_file, "longer than 1 MiB");
  if (!is_utf8(text)) return reject(whole_file, "not UTF-8");
  // YAML 1.2, 5.1: no control characters. yaml-cpp would accept them and produce invalid UTF-8.
  const auto is_control = [](unsigned char c) {
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
  };
  if (const auto control = std::find_if(text.begin(), text.end(), is_control);
      control != text.end()) {
    const std::string_view before = text.substr(0, control - text.begin());
    YAML::Mark mark;
    mark.line = static_cast<int>(std::count(before.begin(), before.end(), '\n'));
    mark.column = static_cast<int>(before.size() - (before.rfind('\n') + 1));  // npos + 1 is 0
    return reject(mark, "not YAML: a control character");
  }
  const Lines lines(text);
  try {
    if (const auto second = second_document(std::string(text)))
      return reject(*second, "a second document begins here: write one document only");
    const YAML::Node document = YAML::Load(std::string(text));
    if (document.IsNull()) return reject(whole_file, "empty");
    return Converter(lines, origins, problems).convert(document, "", document.Mark(), 0);
  } catch (const YAML::DeepRecursion& e) {
    return reject(e.mark, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
  } catch (const YAML::Exception& e) {
    YAML::Mark tab;
    tab.line = lines.tab_near(e.mark.line);
    if (tab.line >= 0)
      return reject(tab, "not YAML: this line is indented with a tab; write spaces");
    return reject(e.mark, "not YAML: " + e.msg);
  }
}

}  // namespace gatehouse::core
