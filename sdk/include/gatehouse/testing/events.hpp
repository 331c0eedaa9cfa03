/// Events as short texts, so that tests say what they expect in one line: the kind and its members
/// in the order id, name, text, json.
///
///   step-start                   tool-input-start:ID:NAME             source:ID:TITLE:URL
///   text:Hello                   tool-input-delta:ID:{"q":            file:image/png:BASE64
///   reasoning:Hmm                tool-call:ID:NAME:{"q":"x"}          usage:{"input_tokens":3}
///   text#BLOCK:Hello             tool-call-error:ID:NAME:WHY:{}       step-finish:stop
///   bytes:{"status":"up"}        tool-output:ID:{"content":[]}        tool-output-error:ID:WHY
///   data:KIND:{}                 tool-approval:ID:QUESTION            tool-denied:ID
///   response:{"model":"m"}
///
/// Flags follow the kind: +last, +dynamic, +provider-executed, +preliminary. Metadata stands at the
/// end: text:Hi @{"google":{}}
#pragma once

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::testing {

using Events = std::vector<std::string>;

namespace fake {

struct Kind {
  int kind;
  View word;
  View members;  // i: id, n: name, t: text, j: json
};
inline constexpr Kind kKinds[] = {
    {GH_EV_BYTES, "bytes", "t"},
    {GH_EV_STEP_START, "step-start", ""},
    {GH_EV_TEXT, "text", "t"},
    {GH_EV_REASONING, "reasoning", "t"},
    {GH_EV_TOOL_INPUT_START, "tool-input-start", "in"},
    {GH_EV_TOOL_INPUT_DELTA, "tool-input-delta", "it"},
    {GH_EV_TOOL_CALL, "tool-call", "inj"},
    {GH_EV_TOOL_CALL_ERROR, "tool-call-error", "intj"},
    {GH_EV_TOOL_OUTPUT, "tool-output", "ij"},
    {GH_EV_TOOL_OUTPUT_ERROR, "tool-output-error", "it"},
    {GH_EV_SOURCE, "source", "int"},
    {GH_EV_FILE, "file", "nt"},
    {GH_EV_USAGE, "usage", "j"},
    {GH_EV_STEP_FINISH, "step-finish", "n"},
    {GH_EV_TOOL_APPROVAL, "tool-approval", "it"},
    {GH_EV_TOOL_DENIED, "tool-denied", "i"},
    {GH_EV_DATA, "data", "nj"},
    {GH_EV_RESPONSE, "response", "j"},
    {GH_EV_WARNING, "warning", "nt"},
    {GH_EV_CUSTOM, "custom", "nj"},
};
inline constexpr Kind kUnknownKind = {0, "unknown", "intj"};
inline constexpr std::pair<int, View> kFlags[] = {{GH_LAST, "last"},
                                                  {GH_DYNAMIC, "dynamic"},
                                                  {GH_PROVIDER_EXECUTED, "provider-executed"},
                                                  {GH_PRELIMINARY, "preliminary"},
                                                  {GH_MUST, "must"}};

/// An event that owns its members, with JSON as text.
struct ParsedEvent {
  int kind = 0, flags = 0;
  std::string id, name, text, json, metadata;
};

/// Takes the front of `rest` up to `end`, and `end` too.
inline View cut(View& rest, View end) {
  const View front = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(rest.size(), front.size() + 1));
  return front;
}

/// Throws on a slip of the pen.
inline ParsedEvent parse_event(View line) {
  const auto refuse = [line](const char* why) {
    throw std::invalid_argument("event \"" + std::string(line) + "\": " + why);
  };
  ParsedEvent e;
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
  const Kind* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [word](const Kind& k) { return k.word == word; });
  if (kind == std::end(kKinds)) refuse("no such kind");
  e.kind = kind->kind;

  for (std::size_t i = 0; i < kind->members.size(); ++i) {
    const char member = kind->members[i];
    std::string& to = member == 'i'   ? e.id
                      : member == 'n' ? e.name
                      : member == 't' ? e.text
                                      : e.json;
    const View end = kind->members.substr(i) == "tj" ? ":{" : ":";  // a text may have colons
    const bool last = i + 1 == kind->members.size();
    if (!last && members.find(end) == View::npos) refuse("a member is missing");
    to = last ? members : cut(members, end);
  }
  return e;
}

}  // namespace fake

inline std::string to_text(const Event& e) {
  const fake::Kind* kind = std::find_if(std::begin(fake::kKinds), std::end(fake::kKinds),
                                        [&e](const auto& k) { return k.kind == e.kind(); });
  if (kind == std::end(fake::kKinds)) kind = &fake::kUnknownKind;

  std::string out(kind->word);
  for (const auto& [flag, word] : fake::kFlags) {
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

/// Throws when it is no JSON: then the test is wrong.
inline Document parse(View json) {
  auto document = Document::parse(json);
  if (!document)
    throw std::invalid_argument(std::string(document.error().failure().message()) + ": " +
                                std::string(json.substr(0, 200)));
  return std::move(*document);
}

/// Emits what these texts say, until one event is refused.
inline Status emit(Sink& out, const Events& lines) {
  for (const std::string& line : lines) {
    const fake::ParsedEvent parsed = fake::parse_event(line);
    const auto json = parsed.json.empty() ? std::nullopt : std::optional(parse(parsed.json));
    const auto metadata =
        parsed.metadata.empty() ? std::nullopt : std::optional(parse(parsed.metadata));
    gh_event e = event::make(parsed.kind, parsed.flags);
    e.id = raw(parsed.id);
    e.name = raw(parsed.name);
    e.text = raw(parsed.text);
    e.json = json ? json->root().raw() : nullptr;
    e.metadata = metadata ? metadata->root().raw() : nullptr;
    if (Status status = out.emit(e); !status) return status;
  }
  return {};
}

struct Recording {
  Events events;
  std::string text;       ///< Of all text events.
  std::string body;       ///< Of all bytes events.
  bool complete = false;  ///< The body has ended.
};

/// A sink that writes down what it gets.
class Recorder final : public Sink, public Recording {
 public:
  explicit Recorder(std::size_t leaves_after = std::numeric_limits<std::size_t>::max())
      : leaves_after_(leaves_after) {}

  Status emit(Event e) override {
    if (has_left()) return Status(GH_STOP);
    events.push_back(to_text(e));
    if (e.kind() == GH_EV_TEXT) text += e.text();
    if (e.kind() == GH_EV_BYTES) body += e.text();
    complete = complete || (e.kind() == GH_EV_BYTES && e.has(GH_LAST));
    return {};
  }
  bool has_left() const { return events.size() >= leaves_after_; }

 private:
  const std::size_t leaves_after_;
};

}  // namespace gatehouse::testing
