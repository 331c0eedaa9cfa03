/// Names of tools and ids of calls as a model's API accepts them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "gatehouse/json.hpp"

namespace gatehouse {
inline namespace v1 {

/// What an API accepts as a name.
struct NameRule {
  enum Form {
    word,   ///< Letters, digits, `_` and `-`.
    any,    ///< Any characters.
    exact,  ///< Letters and digits, exactly as many as `longest`.
  };
  std::size_t longest;
  Form form = word;
};

/// Maps names of one request to those that the API accepts, and back: other characters become `_`,
/// long names are cut, and names that would meet get different ends. A name that is accepted stays.
class WireNames {
 public:
  explicit WireNames(NameRule rule) : rule_(rule) {}

  /// A name that is used in this request: if it is accepted, no other name becomes it.
  void reserve(View ours) {
    if (fits(ours)) taken_.emplace(ours);
  }
  /// Lives as long as `ours` and this.
  View out(View ours) {
    if (fits(ours)) return ours;
    if (const auto known = to_wire_.find(ours); known != to_wire_.end()) return known->second;
    std::string name = legal(ours, rule_.longest);
    for (std::uint64_t salt = 1; taken_.count(name) > 0; ++salt) name = marked(ours, salt);
    taken_.insert(name);
    from_wire_.emplace(name, ours);
    return to_wire_.emplace(ours, std::move(name)).first->second;
  }
  /// A name that was not mapped comes back as it is.
  View in(View theirs) const {
    const auto found = from_wire_.find(theirs);
    return found == from_wire_.end() ? theirs : View(found->second);
  }

 private:
  bool fits(char c) const {
    const char low = to_lower(c);
    return rule_.form == NameRule::any || (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
           (rule_.form == NameRule::word && (c == '_' || c == '-'));
  }
  bool fits(View name) const {
    const bool has_length = rule_.form == NameRule::exact
                                ? name.size() == rule_.longest
                                : !name.empty() && name.size() <= rule_.longest;
    return has_length && std::all_of(name.begin(), name.end(), [this](char c) { return fits(c); });
  }
  std::string legal(View name, std::size_t longest) const {
    if (rule_.form == NameRule::exact) return digest(name, 0).substr(0, longest);
    std::string out(cut_utf8(name, longest));
    for (char& c : out) c = fits(c) ? c : '_';
    return out.empty() ? "_" : out;
  }
  /// For a name whose legal form another name has.
  std::string marked(View name, std::uint64_t salt) const {
    constexpr std::size_t kDigits = 8;
    if (rule_.form == NameRule::exact) return digest(name, salt).substr(0, rule_.longest);
    return legal(name, rule_.longest - kDigits - 1) + "_" + digest(name, salt).substr(0, kDigits);
  }
  /// FNV-1a, as hexadecimal digits: the same name gets the same end in each request.
  static std::string digest(View name, std::uint64_t salt) {
    std::uint64_t hash = 0xcbf29ce484222325u + salt;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    std::string out;
    for (int i = 0; i < 16; ++i, hash >>= 4) out.push_back("0123456789abcdef"[hash & 15]);
    return out;
  }

  const NameRule rule_;
  std::set<std::string, std::less<>> taken_;
  std::map<std::string, std::string, std::less<>> to_wire_, from_wire_;
};

/// The names of the tools and the ids of the calls of one chat.
struct ChatNames {
  ChatNames(Json chat, NameRule for_tools, NameRule for_calls)
      : tools(for_tools), calls(for_calls) {
    for (const Json tool : chat["tools"]) tools.reserve(tool["name"].str());
    for (const Json message : chat["messages"]) {
      for (const Json part : message["content"]) {
        if (part["type"].str() != "tool-call") continue;
        tools.reserve(part["name"].str());
        calls.reserve(part["id"].str());
      }
    }
    for (const Json tool : chat["tools"]) tools.out(tool["name"].str());
  }
  WireNames tools, calls;
};

}  // namespace v1
}  // namespace gatehouse
