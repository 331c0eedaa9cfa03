#include "message.h"

#include <algorithm>
#include <charconv>

#include "json_scan.h"

namespace gatehouse::plugins::mcp {
namespace {

std::optional<std::int64_t> whole_number(View digits) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end == digits.data()) return std::nullopt;
  return end == digits.data() + digits.size() ? std::optional(number) : std::nullopt;
}

/// Scans text that resembles JSON for the id of the outermost object.
class IdScan {
 public:
  void scan(View text) {
    for (std::size_t at = 0; at < text.size() && !is_request_; ++at) {
      const char c = text[at];
      if (c == '"') {
        const auto end = end_of_string(text, at);
        if (depth_ == 1) take_name(text.substr(at, end - at), text.substr(end));
        at = end - 1;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if (c == '}' || c == ']') {
        --depth_;
      }
    }
  }
  std::optional<std::int64_t> id() const { return is_request_ ? std::nullopt : id_; }
  bool is_request() const { return is_request_; }

 private:
  void take_name(View name, View rest) {
    if (!take(rest, ':')) return;
    is_request_ = is_request_ || name == "\"method\"";
    if (name != "\"id\"") return;
    skip_space(rest);
    id_ = whole_number(rest.substr(0, rest.find_first_not_of("-0123456789")));
  }

  int depth_ = 0;
  bool is_request_ = false;
  std::optional<std::int64_t> id_;
};

/// The length of the character that begins with this byte (RFC 3629); 0: none does.
std::size_t utf8_length(unsigned char byte) {
  if (byte < 0x80) return 1;
  if (byte < 0xC2) return 0;
  if (byte < 0xE0) return 2;
  if (byte < 0xF0) return 3;
  return byte < 0xF5 ? 4 : 0;
}

bool is_utf8(View text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(static_cast<unsigned char>(text[at]));
    if (length == 0 || at + length > text.size()) return false;
    for (std::size_t i = 1; i < length; ++i) {
      if ((text[at + i] & 0xC0) != 0x80) return false;
    }
    at += length;
  }
  return true;
}

}  // namespace

std::optional<std::int64_t> id_of(Json message) {
  const Json id = message["id"];
  if (id.is_integer()) return id.integer();
  if (id.is_string()) return whole_number(id.str());
  if (!id.is_number()) return std::nullopt;
  const std::string text = id.dump();
  return whole_number(text.substr(0, text.find(".0")));
}

std::optional<std::int64_t> id_of_unreadable(View begin, View end) {
  IdScan ids;
  ids.scan(begin);
  if (ids.id() || ids.is_request()) return ids.id();
  // The id may follow a result that was cut: what parses from some comma to the end are members of
  // the message.
  for (auto comma = end.rfind(','); comma != View::npos;
       comma = comma == 0 ? View::npos : end.rfind(',', comma - 1)) {
    auto members = Document::parse("{" + std::string(end.substr(comma + 1)));
    if (members && members->root()["method"]) return std::nullopt;
    if (members && members->root()["id"]) return id_of(members->root());
  }
  return std::nullopt;
}

std::optional<std::int64_t> id_of_progress(Json message) {
  if (message["method"].str() != "notifications/progress") return std::nullopt;
  const Json token = message["params"]["progressToken"];
  return token.is_integer() ? std::optional(token.integer()) : std::nullopt;
}

std::string why_unreadable(View text, std::size_t bytes) {
  if (bytes > kMaxMessage) return "is longer than " + std::to_string(kMaxMessage >> 20) + " MiB";
  return is_utf8(text) ? "is not valid JSON" : "is not UTF-8";
}

}  // namespace gatehouse::plugins::mcp
