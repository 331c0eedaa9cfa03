// An entry is checked here member by member, not by a JSON Schema: a file may have a hundred
// thousand of them, and a schema takes tens of microseconds for each. The schema of the
// configuration describes the same members for entries that stand there.
#include "key.h"

#include <algorithm>

namespace gatehouse::plugins::keys {
namespace {

constexpr View kMembers[] = {"name",   "sha256", "owner",         "expires",
                             "models", "tools",  "default_tools", "limits"};
constexpr View kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

/// 1 to 64 characters of a name, or of `more`.
bool is_name(View text, View more = {}) {
  const auto is_allowed = [more](char c) {
    return kNameCharacters.find(c) != View::npos || more.find(c) != View::npos;
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), is_allowed);
}

std::optional<Digest> digest_of(View hex_digits) {
  constexpr View kDigits = "0123456789abcdef";
  Digest digest{};
  if (hex_digits.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < hex_digits.size(); ++i) {
    const std::size_t value = kDigits.find(hex_digits[i]);
    if (value == View::npos) return std::nullopt;
    digest[i / 2] = static_cast<std::uint8_t>(digest[i / 2] << 4 | value);
  }
  return digest;
}

/// Nothing: it is no list of texts.
std::optional<std::vector<std::string>> texts_of(Json list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<std::string> texts;
  for (const Json text : list) {
    if (text.str().empty()) return std::nullopt;
    texts.emplace_back(text.str());
  }
  return texts;
}

bool is_limit(Json limit) {
  constexpr View kPeriods[] = {"minute", "day", "month"};
  const View per = limit["per"].str();
  if (std::find(std::begin(kPeriods), std::end(kPeriods), per) == std::end(kPeriods)) return false;
  for (const auto [member, value] : limit.members()) {
    const bool is_count = member == "requests" || member == "tokens";
    if (is_count && !(value.is_integer() && value.integer() > 0)) return false;
    if (member == "usd" && !(value.is_number() && value.real() > 0)) return false;
    if (!is_count && member != "usd" && member != "per") return false;
  }
  return limit.size() > 1;
}

bool are_limits(Json limits) {
  for (const Json limit : limits) {
    if (!is_limit(limit)) return false;
  }
  return limits.is_array();
}

/// One entry, read member by member until one is wrong.
class Reader {
 public:
  Reader(Json entry, EntryProblem& problem) : entry_(entry), problem_(problem) {}

  std::optional<Entry> read() {
    if (!entry_.is_object()) {
      problem_ = {"", "not an entry such as {\"name\": \"team-a\", \"sha256\": \"…\"}"};
    } else if (knows_all_members() && read_identity() && read_rights()) {
      return std::move(out_);
    }
    return std::nullopt;
  }

 private:
  bool reject(View member, const std::string& what) {
    problem_ = {std::string(member), "`" + std::string(member) + "` " + what};
    return false;
  }

  bool knows_all_members() {
    for (const auto [member, value] : entry_.members()) {
      if (std::find(std::begin(kMembers), std::end(kMembers), member) == std::end(kMembers))
        return reject(cut_utf8(member, 64), "is no member of a key");
    }
    return true;
  }

  bool read_identity() {
    out_.key.name = entry_["name"].str();
    if (!is_name(out_.key.name))
      return reject("name", "must be 1 to 64 letters, digits, dots, _ or -");
    const auto sha256 = digest_of(entry_["sha256"].str());
    if (!sha256) return reject("sha256", "must be 64 hexadecimal digits in lower case");
    out_.sha256 = *sha256;
    if (const Json owner = entry_["owner"]) {
      out_.key.owner = owner.str();
      if (!is_name(out_.key.owner, "@+"))
        return reject("owner", "must be 1 to 64 letters, digits and any of ._-@+");
    }
    if (const Json expires = entry_["expires"]) {
      const auto time = parse_expiry(expires.str());
      if (!time)
        return reject("expires", "must be a day (UTC), 2027-01-31, or 2027-01-31T12:00:00Z");
      out_.key.expires = *time;
    }
    return true;
  }

  bool read_rights() {
    Rights rights;
    rights.models = texts_of(entry_["models"]);
    rights.tools = texts_of(entry_["tools"]);
    const auto default_tools = texts_of(entry_["default_tools"]);
    if (entry_["models"] && !rights.models) return reject("models", kPatterns);
    if (entry_["tools"] && !rights.tools) return reject("tools", kPatterns);
    if (entry_["default_tools"] && !default_tools)
      return reject("default_tools", "must be a list of names");
    if (const Json limits = entry_["limits"]) {
      if (!are_limits(limits)) return reject("limits", kLimits);
      rights.limits = limits.dump();
    }
    rights.default_tools = default_tools.value_or(std::vector<std::string>());
    if (rights.models || rights.tools || default_tools || !rights.limits.empty())
      out_.key.rights = std::make_shared<const Rights>(std::move(rights));
    return true;
  }

  static constexpr const char* kPatterns = "must be a list of names or patterns such as gpt-*";
  static constexpr const char* kLimits =
      "must be a list such as [{\"per\": \"day\", \"requests\": 1000, \"tokens\": 1000000, "
      "\"usd\": "
      "2.5}], per minute, day or month, with numbers above 0";

  const Json entry_;
  EntryProblem& problem_;
  Entry out_;
};

/// `*` in the pattern stands for any characters.
bool fits(View pattern, View text) {
  std::size_t p = 0, t = 0, star = View::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != View::npos) {  // the last `*` takes one character more
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == View::npos;
}

bool fits_any(const Rights::Patterns& patterns, View text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [text](const std::string& pattern) { return fits(pattern, text); });
}

bool has(Json names, View wanted) {
  for (const Json name : names) {
    if (name.str() == wanted) return true;
  }
  return false;
}

}  // namespace

std::optional<Entry> read_entry(Json entry, EntryProblem& problem) {
  return Reader(entry, problem).read();
}

Status apply(const Rights& rights, MutableJson chat) {
  const View model = chat["model"].str();
  if (rights.models && !fits_any(*rights.models, model)) {
    return Fail{404, "model_not_found",
                "The model " + std::string(cut_utf8(model, 100)) +
                    " does not exist or the key may not use it.",
                "not in the models of the key"};
  }
  for (const Json tool : chat["backend_tools"]) {
    if (rights.tools && !fits_any(*rights.tools, tool.str()))
      chat.edit("backend_tools").erase(tool);
  }
  for (const std::string& tool : rights.default_tools) {
    if (!has(chat["backend_tools"], tool)) chat.edit("backend_tools").push().set(View(tool));
  }
  if (rights.limits.empty()) return {};
  auto limits = Document::parse(rights.limits);
  if (!limits) return limits.error();
  chat.edit("limits").set(limits->root());
  return {};
}

}  // namespace gatehouse::plugins::keys
