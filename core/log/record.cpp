#include "core/log/record.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "core/log/iso_time.h"

// The mechanism: every part is copied up to a limit of its own, so that a long message leaves room
// for the fields, and the fields leave room for what closes the line. Runs of plain ASCII are
// copied at once; every other character passes put_special(), which escapes control characters and
// replaces invalid UTF-8. Members of `fields` are copied whole or rolled back.

namespace gatehouse::core {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};
constexpr std::string_view kTruncated = ",\"truncated\":true", kClose = "}\n";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t kMaxPlugin = 256, kMaxRequest = 512, kMaxMessage = Record::kMaxSize / 2;
// Room for kTruncated and kClose.
constexpr std::size_t kMaxMembers = Record::kMaxSize - kTruncated.size() - kClose.size();

unsigned char byte_of(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

/// The size in bytes of the UTF-8 character beyond ASCII that `text` begins with (RFC 3629); 0 if
/// it is invalid.
std::size_t utf8_size(std::string_view text) {
  const unsigned first = byte_of(text, 0), second = byte_of(text, 1);
  const auto continues = [&](std::size_t i) { return (byte_of(text, i) & 0xc0) == 0x80; };
  if (!continues(1) || first < 0xc2 || first >= 0xf5) return 0;
  if (first < 0xe0) return 2;
  if (!continues(2)) return 0;
  if (first < 0xf0) {
    const bool is_overlong = first == 0xe0 && second < 0xa0;
    const bool is_surrogate = first == 0xed && second >= 0xa0;
    return is_overlong || is_surrogate ? 0 : 3;
  }
  const bool is_overlong = first == 0xf0 && second < 0x90;
  const bool is_too_large = first == 0xf4 && second >= 0x90;
  return !continues(3) || is_overlong || is_too_large ? 0 : 4;
}

using Escape = std::array<char, 6>;

Escape unicode_escape(unsigned char c) {
  constexpr char kHex[] = "0123456789abcdef";
  return {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
}

/// Where the string ends whose opening quote is at `begin`: at its closing quote. npos: nowhere.
std::size_t end_of_string(std::string_view json, std::size_t begin) {
  const auto is_escaped = [json](std::size_t quote) {
    const std::size_t before = json.find_last_not_of('\\', quote - 1);  // not before `begin`
    return (quote - before) % 2 == 0;
  };
  std::size_t end = json.find('"', begin + 1);
  while (end != json.npos && is_escaped(end)) end = json.find('"', end + 1);
  return end;
}

/// Where the first of these members of a JSON object ends: at a comma or at the end of the text.
/// npos: it is incomplete.
std::size_t end_of_member(std::string_view members) {
  int depth = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const char c = members[i];
    if (c == '"') i = end_of_string(members, i);
    if (i == members.npos) return i;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c == ',' && depth == 0) return i;
  }
  return depth != 0 ? std::string_view::npos : members.size();
}

}  // namespace

Level level_of(std::string_view name) {
  return static_cast<Level>(std::find(kLevelNames.begin(), kLevelNames.end(), name) -
                            kLevelNames.begin());
}

Record::Record(Level level, std::string_view plugin, std::string_view request,
               std::string_view message, std::string_view fields) {
  put("{\"time\":\"", kMaxSize);
  put(iso_time(std::chrono::system_clock::now()), kMaxSize);
  put("\",\"level\":\"", kMaxSize);
  put(kLevelNames[static_cast<std::size_t>(level)], kMaxSize);
  put("\"", kMaxSize);
  if (!plugin.empty()) put_string("plugin", plugin, kMaxPlugin);
  if (!request.empty()) put_string("request", request, kMaxRequest);
  put_string("message", message, kMaxMessage);
  put_members(fields);
  if (truncated_) put(kTruncated, kMaxSize);
  put(kClose, kMaxSize);
}

/// The value is cut where the record would become longer than `end`.
void Record::put_string(std::string_view name, std::string_view value, std::size_t end) {
  put(",\"", kMaxSize);
  put(name, kMaxSize);
  put("\":\"", kMaxSize);
  if (!put_safe(value, As::kString, end)) truncated_ = true;
  put("\"", kMaxSize);
}

void Record::put_members(std::string_view object) {
  if (object.size() < 2 || object.front() != '{' || object.back() != '}') return;
  std::string_view members = object.substr(1, object.size() - 2);
  while (!members.empty()) {
    const std::size_t end = end_of_member(members);
    if (end == members.npos) return;
    if (end > 0) put_member(members.substr(0, end));
    members.remove_prefix(std::min(end + 1, members.size()));
  }
}

void Record::put_member(std::string_view member) {
  const std::size_t before = size_;
  if (put(",", kMaxMembers) && put_safe(member, As::kJson, kMaxMembers)) return;
  size_ = before;
  truncated_ = true;
}

/// Returns false, and writes nothing, if the record would become longer than `end`.
bool Record::put(std::string_view piece, std::size_t end) {
  if (size_ + piece.size() > end) return false;
  std::memcpy(text_ + size_, piece.data(), piece.size());
  size_ += piece.size();
  return true;
}

/// Returns false if not all of `text` has room.
bool Record::put_safe(std::string_view text, As as, std::size_t end) {
  while (!text.empty()) {
    const std::size_t plain = plain_length(text, as);
    const std::size_t room = end > size_ ? end - size_ : 0;
    put(text.substr(0, std::min(plain, room)), end);
    if (plain > room) return false;
    text.remove_prefix(plain);
    if (text.empty()) return true;
    const std::size_t used = put_special(text, as, end);
    if (used == 0) return false;
    text.remove_prefix(used);
  }
  return true;
}

/// Writes the first character of `text`, which is not plain. Returns its size; 0: it has no room.
std::size_t Record::put_special(std::string_view text, As as, std::size_t end) {
  const unsigned char c = byte_of(text, 0), second = byte_of(text, 1);
  if (c >= 0x80) {
    const std::size_t size = utf8_size(text);
    if (size == 0) return put(kReplacement, end) ? 1 : 0;
    if (c != 0xc2 || second >= 0xa0) return put(text.substr(0, size), end) ? size : 0;
    const Escape escape = unicode_escape(second);  // U+0080 to U+009F: terminals obey them
    return put({escape.data(), escape.size()}, end) ? size : 0;
  }
  if (as == As::kJson && c < 0x20) return 1;  // white space between tokens
  const char backslash[] = {'\\', c == '\n' ? 'n' : static_cast<char>(c)};
  if (c == '"' || c == '\\' || c == '\n') return put({backslash, sizeof backslash}, end) ? 1 : 0;
  const Escape escape = unicode_escape(c);
  return put({escape.data(), escape.size()}, end) ? 1 : 0;
}

/// How much of the front of `text` is ASCII that is copied as it is.
std::size_t Record::plain_length(std::string_view text, As as) {
  const auto is_plain = [as](char c) {
    return c >= 0x20 && c < 0x7f && (as == As::kJson || (c != '"' && c != '\\'));
  };
  std::size_t at = 0;
  std::uint64_t word;
  for (; as == As::kJson && at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    constexpr std::uint64_t kOnes = 0x0101010101010101, kHighBits = 0x80 * kOnes;
    const std::uint64_t below_space = (word - ' ' * kOnes) & ~word, from_delete = word + kOnes;
    if ((below_space | from_delete | word) & kHighBits) break;
  }
  while (at < text.size() && is_plain(text[at])) ++at;
  return at;
}

}  // namespace gatehouse::core
