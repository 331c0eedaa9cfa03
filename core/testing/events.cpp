#include "gatehouse/testing/events.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <utility>

#include "gatehouse/toolkit/event_names.hpp"

namespace gatehouse::testing {
namespace {

constexpr EventName kUnknownKind = {0, "unknown", "intj", false};
constexpr std::pair<int, View> kFlags[] = {{GH_LAST, "last"},
                                           {GH_DYNAMIC, "dynamic"},
                                           {GH_PROVIDER_EXECUTED, "provider-executed"},
                                           {GH_PRELIMINARY, "preliminary"},
                                           {GH_MUST, "must"}};

/// An event that owns its members, with JSON as text.
struct Line {
  int kind = 0, flags = 0;
  std::string id, name, text, json, metadata;
};

/// Takes the front of `rest` up to `end`, and `end` too.
View cut(View& rest, View end) {
  const View front = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(rest.size(), front.size() + 1));
  return front;
}

/// Throws when the line is not an event.
Line parse_line(View line) {
  const auto refuse = [line](const char* why) {
    throw std::invalid_argument("event \"" + std::string(line) + "\": " + why);
  };
  Line e;
  View members = line;
  if (const auto at = members.rfind(" @{"); at != View::npos) {
    e.metadata = members.substr(at + 2);
    members = members.substr(0, at);
  }
  View block = cut(members, ":");
  View flags = cut(block, "#");
  e.id = block;
  const View word = cut(flags, "+");
  while (!flags.empty()) {
    const View flag = cut(flags, "+");
    const auto* found = std::find_if(std::begin(kFlags), std::end(kFlags),
                                     [flag](const auto& f) { return f.second == flag; });
    if (found == std::end(kFlags)) refuse("no such flag");
    e.flags |= found->first;
  }
  const EventName* const kind = name_of(word);
  if (!kind) refuse("no such kind");
  e.kind = kind->kind;

  for (std::size_t i = 0; i < kind->members.size(); ++i) {
    const char member = kind->members[i];
    std::string& to = member == 'i'   ? e.id
                      : member == 'n' ? e.name
                      : member == 't' ? e.text
                                      : e.json;
    View end = ":";
    if (kind->members.substr(i) == "tj")  // a text may have colons
      end = members.find(":{") == View::npos ? ":\"" : ":{";
    const bool last = i + 1 == kind->members.size();
    if (!last && members.find(end) == View::npos) refuse("a member is missing");
    to = last ? members : cut(members, end);
  }
  return e;
}

/// A plugin that keeps a view of an event reads rubbish: its texts are overwritten, and stay where
/// they are until the thread of the request ends. A sanitizer reports more about freed memory.
Line& new_line(View text) {
#if defined(__SANITIZE_ADDRESS__)
  constexpr std::size_t kMost = 8;  // those of emit() inside emit()
#else
  constexpr std::size_t kMost = 1000;
#endif
  static thread_local std::deque<Line> lines;
  if (lines.size() == kMost) lines.pop_front();
  return lines.emplace_back(parse_line(text));
}
void poison(std::string& text) { std::fill(text.begin(), text.end(), '\xDB'); }

}  // namespace

std::string to_text(const Event& e) {
  const EventName* kind = name_of(e.kind());
  if (!kind) kind = &kUnknownKind;

  std::string out(kind->word);
  for (const auto& [flag, word] : kFlags) {
    if (e.has(flag)) out.append("+").append(word);
  }
  if (!e.id().empty() && kind->members.find('i') == View::npos) out.append("#").append(e.id());
  for (const char member : kind->members) {
    out += ':';
    if (member == 'j') {
      e.json().dump(out);
    } else {
      out += member == 'i' ? e.id() : member == 'n' ? e.name() : e.text();
    }
  }
  if (e.metadata()) e.metadata().dump(out.append(" @"));
  return out;
}

void check(const Events& lines) {
  for (const std::string& line : lines) (void)parse_line(line);
}

Document parse(View json) {
  auto document = Document::parse(json);
  if (document) return std::move(*document);
  throw std::invalid_argument(std::string(document.error().failure().message()) + ": " +
                              std::string(json.substr(0, 200)));
}

Status emit(Sink& out, const Events& lines) {
  for (const std::string& line : lines) {
    Line& parsed = new_line(line);
    const auto json = parsed.json.empty() ? std::nullopt : std::optional(parse(parsed.json));
    const auto metadata =
        parsed.metadata.empty() ? std::nullopt : std::optional(parse(parsed.metadata));
    gh_event e = event::make(parsed.kind, parsed.flags);
    e.id = raw(parsed.id);
    e.name = raw(parsed.name);
    e.text = raw(parsed.text);
    e.json = json ? json->root().raw() : nullptr;
    e.metadata = metadata ? metadata->root().raw() : nullptr;
    Status status = out.emit(e);
    for (std::string* text : {&parsed.id, &parsed.name, &parsed.text}) poison(*text);
    if (!status) return status;
  }
  return {};
}

Status Recorder::emit(Event e) {
  if (has_left()) return Status(GH_STOP);
  events.push_back(to_text(e));
  if (e.kind() == GH_EV_TEXT) text += e.text();
  if (e.kind() == GH_EV_BYTES) body += e.text();
  complete = complete || (e.kind() == GH_EV_BYTES && e.has(GH_LAST));
  return {};
}

}  // namespace gatehouse::testing
