#include "parse_message.h"

#include <deque>
#include <unordered_set>

#include "json_scan.h"

namespace gatehouse::plugins::mcp {
namespace {

constexpr std::size_t kMaxDepth = 256;   // of the host's parser; bounds the recursion as well
constexpr std::size_t kDepthOfTool = 3;  // {"result": {"tools": [

/// Copies JSON text without the members of an object that a later one of the same name replaces.
class LastMembers {
 public:
  /// False: it is not JSON, or nested too deeply.
  bool copy(View& rest, std::size_t depth) {
    skip_space(rest);
    if (rest.substr(0, 1) == "{") return depth < kMaxDepth && copy_object(rest, depth + 1);
    if (rest.substr(0, 1) == "[") return depth < kMaxDepth && copy_array(rest, depth + 1);
    const View value = take_value(rest);
    copy_.append(value);
    return !value.empty();
  }
  const std::string& copy() const { return copy_; }

 private:
  struct Member {
    View name;
    std::size_t begin, end;  // in copy_, with the comma after it
  };

  bool copy_mark(View& rest, char mark) {
    if (!take(rest, mark)) return false;
    copy_ += mark;
    return true;
  }

  bool copy_array(View& rest, std::size_t depth) {
    (void)copy_mark(rest, '[');
    if (copy_mark(rest, ']')) return true;
    do {
      if (!copy(rest, depth)) return false;
    } while (copy_mark(rest, ','));
    return copy_mark(rest, ']');
  }

  bool copy_object(View& rest, std::size_t depth) {
    (void)copy_mark(rest, '{');
    if (copy_mark(rest, '}')) return true;
    std::vector<Member> members;
    for (bool more = true; more;) {
      const std::size_t begin = copy_.size();
      const View name = take_string(rest);
      copy_.append(name);
      if (!copy_mark(rest, ':') || !copy(rest, depth)) return false;
      more = copy_mark(rest, ',');
      members.push_back({without_escapes(name), begin, copy_.size()});
    }
    drop_replaced(members);
    return copy_mark(rest, '}');
  }

  void drop_replaced(const std::vector<Member>& members) {
    std::unordered_set<View> names;
    std::vector<const Member*> last;
    for (auto m = members.rbegin(); m != members.rend(); ++m) {
      if (names.insert(m->name).second) last.push_back(&*m);
    }
    if (last.size() == members.size()) return;
    std::string kept;
    for (auto m = last.rbegin(); m != last.rend(); ++m)
      kept.append(copy_, (*m)->begin, (*m)->end - (*m)->begin);
    copy_.replace(members.front().begin, copy_.npos, kept);
  }

  /// Different texts may be the same name.
  View without_escapes(View name) {
    if (name.find('\\') == View::npos) return name;
    auto parsed = Document::parse(name);
    if (!parsed) return name;
    std::string& plain = plain_names_.emplace_back();
    quote(plain, parsed->root().str());
    return plain;
  }

  std::string copy_;
  std::deque<std::string> plain_names_;
};

Result<Document> parse_last_members(View text, std::size_t depth, std::string& copied) {
  LastMembers members;
  const bool is_whole = members.copy(text, depth) && (skip_space(text), text.empty());
  copied = members.copy();
  return is_whole ? Document::parse(copied) : Result<Document>(Status(GH_FAILED));
}

std::string placeholder_for(View tool) {
  const Document out;
  auto name = Document::parse(member_of(tool, "\"name\""));
  if (name) out.root().edit("name").set(name->root());
  out.root().edit("unreadable").set(true);
  return out.root().dump();
}

/// Empty: it is not a list of tools.
std::string with_placeholders(View text) {
  const View tools = member_of(member_of(text, "\"result\""), "\"tools\"");
  if (tools.substr(0, 1) != "[") return {};
  const auto begin = static_cast<std::size_t>(tools.data() - text.data());
  std::string out(text.substr(0, begin + 1)), copied;
  View rest = tools.substr(1);
  for (View tool = take_value(rest); !tool.empty();
       tool = take(rest, ',') ? take_value(rest) : View()) {
    if (out.size() > begin + 1) out += ',';
    out += parse_last_members(tool, kDepthOfTool, copied) ? copied : placeholder_for(tool);
  }
  return out.append("]").append(text.substr(begin + tools.size()));
}

}  // namespace

Result<Document> parse_message(View text) {
  auto document = Document::parse(text);
  std::string copied;
  if (!document) document = parse_last_members(text, 0, copied);
  if (!document) document = parse_last_members(with_placeholders(text), 0, copied);
  return document;
}

}  // namespace gatehouse::plugins::mcp
